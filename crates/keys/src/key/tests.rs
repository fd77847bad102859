use std::collections::HashSet;

use super::*;
use crate::{Entity, TextId, Ttl};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const LOGIN: Entity<TextId> = Entity::new(Category::RateLimit, "login").ttl(Ttl::minutes(15)).sensitive();

fn rendered(key: &Key, prefix: &str) -> String {
    let mut out = b"GET ".to_vec();
    key.render(&Prefix::new(prefix).unwrap(), &DigestKey::new(b"pepper"), &mut out);
    String::from_utf8(out).unwrap().strip_prefix("GET ").unwrap().to_owned()
}

/// What the cluster hashes: what stands in the first braces, if anything does.
fn slot_text(name: &str) -> &str {
    let inside = name.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    inside.map(|(inside, _)| inside).filter(|inside| !inside.is_empty()).unwrap_or(name)
}

#[test]
fn names_have_their_segments_in_order() {
    let names = [
        (USER.key(&42), "p:cache:user:{42}"),
        (USER.version(2).key(&42), "p:cache:user:v2:{42}"),
        (USER.plain().key(&42), "p:cache:user:42"),
        (USER.plain().version(2).key(&42), "p:cache:user:v2:42"),
        (USER.key(&42).companion("g"), "p:cache:user:{42}:g"),
        (USER.plain().key(&42).companion("g"), "{p:cache:user:42}:g"),
        (Key::namespace(Category::Cache, "user", "seq"), "p:cache:user:#seq"),
        (Key::namespace(Category::Cache, "user", "seq").companion("g"), "{p:cache:user:#seq}:g"),
        (Key::namespace_id(Category::Cache, "user", "t", &'x'), "p:cache:user:#t:{x}"),
    ];
    for (key, name) in names {
        assert_eq!(rendered(&key, "p"), name);
        assert_eq!(rendered(&key, ""), name.replacen("p:", "", 1));
        assert_eq!(key.to_string(), name.replacen("p:", "", 1));
        assert_eq!((key.category(), key.entity_name()), (Category::Cache, "user"));
    }
}

#[test]
fn companions_share_the_slot_of_their_key() {
    let keys = [
        USER.key(&42),
        USER.plain().key(&42),
        Key::custom(Category::Lock, "v2", &'}'),
        Key::namespace(Category::Cache, "user", "seq"),
        Key::namespace_id(Category::Cache, "user", "t", &'{'),
        LOGIN.key(&TextId::new("bob").unwrap()),
        LOGIN.plain().key(&TextId::new("bob").unwrap()),
    ];
    for key in keys {
        for prefix in ["", "prod:ecom"] {
            let name = rendered(&key, prefix);
            assert_eq!(slot_text(&name), slot_text(&rendered(&key.companion("g"), prefix)));
            assert_eq!(slot_text(&name), slot_text(&rendered(&key.companion("g").companion("h"), prefix)));
        }
    }
}

#[test]
fn id_that_writes_nothing_still_makes_a_tag() {
    struct Nothing;
    impl Id for Nothing {
        fn write(&self, _: &mut IdWriter<'_>) {}
    }
    assert_eq!(Key::custom(Category::Lock, "all", &Nothing).to_string(), "lock:all:{%}");
}

#[test]
fn custom_key_is_the_key_of_the_declaration() {
    let custom = Key::custom(Category::Cache, "user", &42);
    assert_eq!(custom, USER.key(&42));
    assert_ne!(custom, USER.plain().key(&42));
    assert_ne!(custom, USER.sensitive().key(&42));
    assert_ne!(custom, USER.version(2).key(&42));
    let keys = HashSet::from([custom, USER.key(&42), USER.key(&43), USER.key(&42).companion("g")]);
    assert_eq!(keys.len(), 3);
}

#[test]
fn suffixes_and_parts_cannot_be_taken_apart_differently() {
    assert_ne!(USER.key(&1).companion("g").companion("h"), USER.key(&1).companion("g:h"));
    assert_ne!(
        Key::namespace(Category::Cache, "user", "t:{x}"),
        Key::namespace_id(Category::Cache, "user", "t", &'x'),
    );
}

#[test]
fn sensitive_id_is_rendered_as_a_digest() {
    let key = LOGIN.key(&TextId::new("bob@example.org").unwrap());
    // printf 'ratelimit:login:bob@example.org' | openssl dgst -sha256 -hmac pepper
    let digest = "6ff397dbff57b067272870008410526b";
    assert_eq!(rendered(&key, "p"), format!("p:ratelimit:login:{{{digest}}}"));
    assert_eq!(rendered(&key.companion("g"), "p"), format!("p:ratelimit:login:{{{digest}}}:g"));
    assert!(key.is_sensitive() && key.companion("g").is_sensitive());

    let key = LOGIN.plain().key(&TextId::new("bob@example.org").unwrap());
    assert_eq!(rendered(&key, "p"), format!("p:ratelimit:login:{digest}"));
    assert_eq!(rendered(&key.companion("g"), "p"), format!("{{p:ratelimit:login:{digest}}}:g"));
}

#[test]
fn sensitive_id_is_printed_as_stars() {
    let key = LOGIN.key(&TextId::new("bob@example.org").unwrap());
    assert_eq!(key.to_string(), "ratelimit:login:{***}");
    assert_eq!(format!("{:?}", key.companion("g")), "Key(ratelimit:login:{***}:g)");
    let key = LOGIN.plain().key(&TextId::new("bob@example.org").unwrap());
    assert_eq!(key.to_string(), "ratelimit:login:***");
    assert_eq!(key.companion("g").to_string(), "{ratelimit:login:***}:g");
}
