use super::*;
use crate::{Entity, Ttl};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const SHARED: Entity<u64> = USER.plain();

fn rendered(pattern: &Pattern, prefix: &str) -> String {
    let mut out = Vec::new();
    pattern.render(&Prefix::new(prefix).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn patterns_are_rendered_with_the_prefix() {
    assert_eq!(rendered(&USER.pattern(), "prod:ecom"), "prod:ecom:cache:user:{*}");
    assert_eq!(rendered(&USER.version(3).pattern(), ""), "cache:user:v3:{*}");
    assert_eq!(rendered(&Pattern::all(), "prod"), "prod:*");
    assert_eq!(rendered(&Category::Jobs.pattern(), "prod"), "prod:jobs:*");
    assert_eq!(rendered(&Pattern::parse("cache:u*").unwrap(), "prod"), "prod:cache:u*");
    assert_eq!(rendered(&Pattern::parse("{cache:u*}:g").unwrap(), "prod"), "{prod:cache:u*}:g");
}

#[test]
fn companions_are_matched_where_they_stand() {
    let tickets = USER.pattern().companions("g");
    assert_eq!(rendered(&tickets, "prod"), "prod:cache:user:{*}:g");
    assert_eq!(rendered(&tickets.companions("h"), "prod"), "prod:cache:user:{*}:g:h");

    let tickets = SHARED.pattern().companions("g");
    assert_eq!(rendered(&tickets, "prod"), "{prod:cache:user:[^#]*}:g");
    assert_eq!(rendered(&tickets.companions("h"), "prod"), "{prod:cache:user:[^#]*}:g:h");
    assert!(tickets.matches(b"{cache:user:42}:g"));

    assert_eq!(Pattern::parse("cache:*").unwrap().companions("*").to_string(), "cache:*:%2A");
}

#[test]
fn patterns_with_one_text_are_equal() {
    assert_eq!(Pattern::parse("cache:user:{*}"), Ok(USER.pattern()));
    assert_eq!("{cache:user:[^#]*}:g".parse(), Ok(SHARED.pattern().companions("g")));
    assert_eq!(Pattern::parse("*"), Ok(Pattern::all()));
    assert_ne!(USER.pattern(), SHARED.pattern());
    assert_eq!(format!("{:?}", USER.pattern()), "Pattern(cache:user:{*})");
}

#[test]
fn refusals_name_the_reason() {
    let refusal = |text: &str| Pattern::parse(text).unwrap_err().to_string();
    assert_eq!(refusal(""), "pattern is empty; give 1 to 256 bytes");
    assert_eq!(refusal(&"*".repeat(257)), "pattern has 257 bytes; at most 256 are allowed");
    assert_eq!(refusal("a\n"), "pattern holds the control character U+000A at byte 1");
}

#[test]
fn nothing_matches_a_name_that_is_empty() {
    assert!(!Pattern::all().matches(b""));
    assert!(Pattern::all().matches(b"a"));
    assert!(Category::Cache.pattern().matches(b"cache:"));
}
