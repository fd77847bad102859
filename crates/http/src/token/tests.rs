use http::HeaderValue;

use super::*;

fn headers(values: &[&'static str]) -> HeaderMap {
    values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
}

#[test]
fn only_the_token_is_admitted() {
    let token = AdminToken::new("0123456789abcdef").unwrap();
    let admitted = |values: &[&'static str]| token.admits(&headers(values));
    assert!(admitted(&["Bearer 0123456789abcdef"]));
    assert!(admitted(&["bearer 0123456789abcdef"]));
    for refused in [
        "Bearer 0123456789abcdeF",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef ",
        "Bearer ",
        "Bearer",
        "Basic 0123456789abcdef",
        "0123456789abcdef",
        "",
    ] {
        assert!(!admitted(&[refused]), "{refused}");
    }
    assert!(!admitted(&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"]));
    assert!(!admitted(&[]));
}

#[test]
fn without_a_token_nobody_is_admitted() {
    for shown in ["Bearer ", "Bearer null", "Bearer 0123456789abcdef"] {
        assert!(!AdminToken::none().admits(&headers(&[shown])));
    }
    assert!(!AdminToken::from_env("REDSTART_TEST_UNSET").unwrap().admits(&headers(&["Bearer "])));
}

#[test]
fn a_weak_token_is_refused() {
    for weak in ["", "short", "fifteen-bytes-x", "with spaces is long enough", "ümlaut-is-long-enough"] {
        assert_eq!(AdminToken::new(weak).unwrap_err(), WeakToken, "{weak}");
    }
}
