use http::{HeaderName, HeaderValue};

use super::*;

/// What comes of a request with these headers, where `ops.example` is a name of ours.
fn code(headers: &[(&'static str, &'static str)]) -> Option<&'static str> {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    check(&Uri::from_static("/api"), &headers, &["ops.example".to_owned()]).err().map(|error| error.code())
}

#[test]
fn programs_and_pages_of_our_own_may_change_things() {
    for headers in [
        &[][..],
        &[("host", "127.0.0.1:3000")],
        &[("host", "[::1]:3000")],
        &[("host", "LOCALHOST")],
        &[
            ("host", "ops.example:443"),
            ("origin", "https://ops.example:443"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("host", "10.0.0.7"), ("origin", "http://10.0.0.7"), ("sec-fetch-site", "none")],
    ] {
        assert_eq!(code(headers), None, "{headers:?}");
    }
}

#[test]
fn pages_of_others_may_not() {
    for headers in [
        &[("host", "ops.example"), ("origin", "https://evil.example")][..],
        &[("host", "ops.example"), ("origin", "null")],
        &[("host", "ops.example"), ("origin", "https://ops.example:8443")],
        &[("host", "ops.example"), ("origin", "https://ops.example.evil.example")],
        &[("host", "ops.example"), ("sec-fetch-site", "cross-site")],
        &[("host", "ops.example"), ("sec-fetch-site", "same-site")],
        &[("origin", "https://ops.example")],
    ] {
        assert_eq!(code(headers), Some("OTHER_ORIGIN"), "{headers:?}");
    }
}

#[test]
fn names_that_are_not_ours_are_refused() {
    for host in
        ["evil.example", "ops.example.evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""]
    {
        assert_eq!(code(&[("host", host)]), Some("FOREIGN_HOST"), "{host:?}");
    }
    let rebound =
        [("host", "evil.example"), ("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")];
    assert_eq!(code(&rebound), Some("FOREIGN_HOST"));
}
