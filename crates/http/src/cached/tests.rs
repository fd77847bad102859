use super::*;

fn told(outcome: Outcome, ttl: u64, age: u64) -> CacheHeaders {
    let (ttl, age) = (Duration::from_secs(ttl), Duration::from_secs(age));
    CacheHeaders { ttl: Some(ttl), age: Some(age), ..CacheHeaders::with(outcome) }
}

/// The fields as they would leave.
fn shown(headers: CacheHeaders, names: &[&str]) -> Vec<String> {
    let mut map = HeaderMap::new();
    headers.apply(&mut map);
    names.iter().map(|name| map.get(*name).map_or("", |value| value.to_str().unwrap()).to_owned()).collect()
}

const ALL: [&str; 5] = ["x-cache", "x-cache-ttl", "cache-status", "age", "cache-control"];

#[test]
fn hit_stale_and_miss_in_all_fields() {
    let full = |outcome, ttl, age| shown(told(outcome, ttl, age).named("shop").aged().public(), &ALL);
    assert_eq!(
        full(Outcome::Hit("l1"), 300, 60),
        ["HIT", "300", "shop; hit; ttl=300; detail=l1", "60", "public, max-age=360"]
    );
    assert_eq!(
        full(Outcome::Stale("l2", Duration::from_millis(1_200)), 0, 361),
        ["STALE", "0", "shop; hit; ttl=-2; detail=l2", "361", "public, no-cache"]
    );
    assert_eq!(
        full(Outcome::Miss, 360, 0),
        ["MISS", "360", "shop; fwd=miss; ttl=360", "0", "public, max-age=360"]
    );
}

#[test]
fn standard_fields_come_by_choice_alone() {
    assert_eq!(shown(told(Outcome::Hit("l2"), 5, 5), &ALL), ["HIT", "5", "", "", ""]);
    assert_eq!(shown(CacheHeaders::miss(), &ALL), ["MISS", "", "", "", ""]);
    assert_eq!(
        shown(CacheHeaders::miss().named("shop").private(), &ALL[2..]),
        ["shop; fwd=miss", "", "private, no-cache"]
    );
}

#[test]
fn max_age_without_age_is_what_is_left() {
    assert_eq!(shown(told(Outcome::Hit("l1"), 300, 60).private(), &ALL[3..]), ["", "private, max-age=300"]);
}

#[test]
fn caches_on_the_way_are_all_named() {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_STATUS, HeaderValue::from_static("origin; hit"));
    CacheHeaders::miss().named("shop").apply(&mut headers);
    assert_eq!(headers.get_all(CACHE_STATUS).iter().collect::<Vec<_>>(), ["origin; hit", "shop; fwd=miss"]);
}

#[test]
fn names_that_are_no_tokens_are_strings() {
    for (name, written) in [
        ("shop", "shop"),
        ("shop.example/a:1", "shop.example/a:1"),
        ("1st", r#""1st""#),
        ("my \\ \"shop\"", r#""my \\ \"shop\"""#),
        ("caf\u{e9}\n", r#""caf""#),
        ("", r#""""#),
    ] {
        assert_eq!(item(name), written);
    }
}
