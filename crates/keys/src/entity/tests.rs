use super::*;
use crate::TextId;

const CITY: Entity<TextId> = Entity::new(Category::Cache, "city").ttl(Ttl::days(1));
const ASSET: Entity<(u64, u32)> = Entity::new(Category::Cache, "asset").ttl(Ttl::minutes(30));

fn id(text: &str) -> TextId {
    TextId::new(text).unwrap()
}

#[test]
fn declaration_tells_what_it_was_given() {
    const LOGIN: Entity<TextId> = Entity::new(Category::RateLimit, "login")
        .ttl(Ttl::minutes(15))
        .describe("Attempts to log in.")
        .version(3)
        .sensitive()
        .plain();
    assert_eq!((LOGIN.category(), LOGIN.name()), (Category::RateLimit, "login"));
    assert_eq!(LOGIN.lifetime(), Lifetime::Expires(Ttl::minutes(15)));
    assert_eq!(LOGIN.ttl(), Some(Ttl::minutes(15)));
    assert_eq!(LOGIN.schema_version(), 3);
    assert_eq!(LOGIN.description(), "Attempts to log in.");
    assert!(LOGIN.is_plain() && LOGIN.is_sensitive());
    assert!(!CITY.is_plain() && !CITY.is_sensitive());
    assert_eq!((CITY.schema_version(), CITY.description()), (1, ""));
}

#[test]
fn class_follows_from_category_and_lifetime() {
    let lock = Entity::<u64>::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
    let flag = Entity::<u64>::new(Category::Flag, "feature").persistent();
    assert_eq!(CITY.persistence_class(), Persistence::Evictable);
    assert_eq!(lock.persistence_class(), Persistence::Required);
    assert_eq!(flag.persistence_class(), Persistence::Persistent);
    assert_eq!(flag.ttl(), None);
    assert_eq!(CITY.persistence(Persistence::Required).persistence_class(), Persistence::Required);
}

#[test]
#[should_panic(expected = "what has a TTL is not persistent")]
fn class_cannot_contradict_the_ttl() {
    let _refused = CITY.persistence(Persistence::Persistent);
}

#[test]
#[should_panic(expected = "versions begin at 1")]
fn there_is_no_version_zero() {
    let _refused = CITY.version(0);
}

#[test]
#[should_panic(expected = "a name is 1 to 48 of")]
fn name_that_looks_like_a_version_is_refused() {
    let _refused = Entity::<u64>::new(Category::Cache, "v2");
}

#[test]
fn patterns_take_text_literally() {
    assert_eq!(CITY.pattern_starting("94").to_string(), "cache:city:{94*}");
    assert_eq!(CITY.pattern_starting("[a]*").to_string(), "cache:city:{%5Ba%5D%2A*}");
    assert_eq!(CITY.plain().pattern_starting("94").to_string(), "cache:city:94*");
    assert_eq!(CITY.pattern_starting(""), CITY.pattern());
    assert_eq!(ASSET.version(2).pattern_within(&7).to_string(), "cache:asset:v2:{7|*}");
    assert_eq!(ASSET.plain().pattern_within(&7).to_string(), "cache:asset:7|*");
}

#[test]
fn pattern_within_a_part_leaves_longer_parts_alone() {
    let pattern = ASSET.pattern_within(&7);
    assert!(pattern.matches(b"cache:asset:{7|1}"));
    assert!(!pattern.matches(b"cache:asset:{77|1}"));
}

#[test]
fn pattern_leaves_the_rest_of_the_namespace_alone() {
    let others = [
        CITY.version(2).key(&id("x")),
        CITY.key(&id("x")).companion("g"),
        CITY.plain().key(&id("x")),
        Key::namespace(Category::Cache, "city", "seq"),
        Key::namespace_id(Category::Cache, "city", "t", &'x'),
        Key::custom(Category::Cache, "city-map", &'x'),
        Key::custom(Category::Lock, "city", &'x'),
    ];
    for other in others {
        assert!(!CITY.pattern().matches(other.to_string().as_bytes()), "{other}");
    }
    let shared = CITY.plain();
    assert!(shared.pattern().matches(b"cache:city:x"));
    assert!(!shared.pattern().matches(b"cache:city:#seq"));
    assert!(!shared.pattern().matches(b"{cache:city:x}:g"));
}

#[test]
fn beginning_of_a_sensitive_id_matches_nothing() {
    let sensitive = CITY.sensitive();
    assert_eq!(sensitive.pattern_starting("bob").to_string(), "cache:city:{}");
    assert_eq!(sensitive.plain().pattern_starting("bob").to_string(), "cache:city:");
    assert_eq!(sensitive.pattern_starting(""), sensitive.pattern());
    assert_eq!(ASSET.sensitive().pattern_within(&7).to_string(), "cache:asset:{}");
}

#[test]
fn ids_are_read_back_from_their_own_names_only() {
    assert_eq!(CITY.parse_id(b"cache:city:{a%3Ab}"), Some(id("a:b")));
    assert_eq!(CITY.plain().parse_id(b"cache:city:a%3Ab"), Some(id("a:b")));
    assert_eq!(ASSET.escaped_id(b"cache:asset:{7|1}"), Some("7|1"));
    assert_eq!(ASSET.escaped_id(b"cache:asset:{%}"), Some(""));
    for name in ["cache:city:{}", "cache:city:x", "cache:city:{a:b}", "cache:city:{%3a}", "cache:city:{x}:g"]
    {
        assert_eq!(CITY.escaped_id(name.as_bytes()), None, "{name}");
    }
    for name in ["cache:city:#seq", "cache:city:v2:x", "cache:city:", "cache:city:{x}"] {
        assert_eq!(CITY.plain().escaped_id(name.as_bytes()), None, "{name}");
    }
    assert_eq!(CITY.sensitive().escaped_id(b"cache:city:{x}"), None);
}

#[test]
fn declarations_are_printed_by_their_pattern() {
    assert_eq!(format!("{CITY:?}"), "Entity(cache:city:{*}, 24h)");
    assert_eq!(format!("{:?}", Entity::<u64>::new(Category::Lock, "payout")), "Undated(lock:payout)");
}
