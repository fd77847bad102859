use super::*;

#[test]
fn every_category_is_found_by_its_name() {
    let names: Vec<_> = Category::ALL.iter().map(|category| category.name()).collect();
    let expected =
        ["cache", "session", "jobs", "ratelimit", "idempotency", "lock", "counter", "flag", "verification"];
    assert_eq!(names, expected);
    for &category in Category::ALL {
        assert_eq!(Category::from_name(category.name()), Some(category));
        assert_eq!(category.to_string(), category.name());
    }
    assert_eq!(Category::from_name("Cache"), None);
}

#[test]
fn category_of_a_name_is_its_first_segment() {
    assert_eq!(Category::of(b"ratelimit:login:{7}"), Some(Category::RateLimit));
    assert_eq!(Category::of(b"{cache:user:42}:g"), Some(Category::Cache));
    assert_eq!(Category::of(b"cache"), None);
    assert_eq!(Category::of(b"cached:user:1"), None);
    assert_eq!(Category::of(b"\xff:user"), None);
    assert_eq!(Category::of(b""), None);
}

#[test]
fn pattern_of_a_category_matches_its_keys_only() {
    let pattern = Category::Lock.pattern();
    assert_eq!(pattern.to_string(), "lock:*");
    assert!(pattern.matches(b"lock:payout:{7}"));
    assert!(!pattern.matches(b"locks:payout:{7}"));
    assert!(!pattern.matches(b"cache:lock:{7}"));
}
