use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(within_cache(text).unwrap().to_string(), expected);
}

#[test]
fn a_pattern_stays_within_the_caches() {
    check("*", "cache:*");
    check("user:*", "cache:user:*");
    check("cache:user:*", "cache:user:*");
    check("{cache:user:42}:*", "cache:{cache:user:42}:*");
    check("[ls]*:*", "cache:[ls]*:*");
    check("\\lock:*", "cache:\\lock:*");
    check("../lock:*", "cache:../lock:*");
}

#[test]
fn a_hostile_pattern_is_refused() {
    for text in ["", "lock:*", "session:upload:*", "a\r\nFLUSHALL", "\0", &"x".repeat(300)] {
        assert_eq!(within_cache(text).unwrap_err().status(), StatusCode::BAD_REQUEST, "{text:?}");
    }
}
