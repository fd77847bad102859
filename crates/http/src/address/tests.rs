use http::{HeaderValue, header::FORWARDED};

use super::*;

/// The client that a service behind the proxies of `trusted` sees.
fn client(trusted: &str, peer: &str, header: &HeaderName, lines: &[&str]) -> String {
    let proxies = trusted.parse::<TrustedProxies>().unwrap().with_header(header.clone());
    let headers: HeaderMap = lines
        .iter()
        .map(|line| (header.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap()))
        .collect();
    proxies.resolve(peer.parse().unwrap(), &headers).to_string()
}

fn check(trusted: &str, peer: &str, lines: &[&str], expected: &str) {
    assert_eq!(client(trusted, peer, &X_FORWARDED_FOR, lines), expected, "{lines:?}");
}

fn check_forwarded(lines: &[&str], expected: &str) {
    assert_eq!(client("private", "10.0.0.1", &FORWARDED, lines), expected, "{lines:?}");
}

#[test]
fn a_header_from_a_stranger_is_ignored() {
    check("", "203.0.113.9", &["1.2.3.4"], "203.0.113.9");
    check("private", "203.0.113.9", &["1.2.3.4"], "203.0.113.9");
    check("", "10.0.0.1", &["1.2.3.4"], "10.0.0.1");
}

#[test]
fn a_forged_left_end_gains_nothing() {
    check("private", "10.0.0.1", &["127.0.0.1, 10.0.0.9, 203.0.113.7"], "203.0.113.7");
    check("private", "10.0.0.1", &["junk, \"; drop, 203.0.113.7"], "203.0.113.7");
}

#[test]
fn two_proxies_are_walked_through() {
    check("private", "10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7");
    check("10.0.0.1", "10.0.0.1", &["203.0.113.7, 10.0.0.2"], "10.0.0.2");
}

#[test]
fn a_header_over_two_lines_is_one_list() {
    check("private", "10.0.0.1", &["1.1.1.1, 203.0.113.7", "10.0.0.2"], "203.0.113.7");
    check("private", "10.0.0.1", &["1.1.1.1", "203.0.113.7, 10.0.0.3, 10.0.0.2"], "203.0.113.7");
}

#[test]
fn what_cannot_be_read_ends_at_the_last_trusted_hop() {
    check("private", "10.0.0.1", &["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2");
    check("private", "10.0.0.1", &["203.0.113.7, 1.2.3, 10.0.0.2"], "10.0.0.2");
    check("private", "10.0.0.1", &["203.0.113.7, \u{e4}\u{f6}"], "10.0.0.1");
}

#[test]
fn all_trusted_gives_the_left_most() {
    check("private", "10.0.0.1", &["192.168.1.9, 10.0.0.2"], "192.168.1.9");
    check("private", "10.0.0.1", &[], "10.0.0.1");
    check("private", "10.0.0.1", &["", " , ,"], "10.0.0.1");
}

#[test]
fn ports_and_brackets_are_taken_off() {
    check("private", "10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7");
    check("private", "10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1");
    check("private", "10.0.0.1", &["[2001:db8::1]"], "2001:db8::1");
    check("private", "10.0.0.1", &["2001:db8::1"], "2001:db8::1");
}

#[test]
fn mapped_addresses_are_those_that_they_stand_for() {
    check("private", "::ffff:10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7");
    check("private", "::ffff:203.0.113.9", &["1.1.1.1"], "203.0.113.9");
    check("::ffff:10.0.0.1", "10.0.0.1", &["203.0.113.7"], "203.0.113.7");
}

#[test]
fn ten_thousand_hops_are_not_walked() {
    let trusted = vec!["10.0.0.2"; 10_000].join(", ");
    check("private", "10.0.0.1", &[&format!("203.0.113.7, {trusted}")], "10.0.0.2");
    let junk = vec!["6.6.6.6"; 10_000].join(",");
    check("private", "10.0.0.1", &[&format!("{junk}, 203.0.113.7, 10.0.0.2")], "203.0.113.7");
    let blank = ",".repeat(10_000);
    check("private", "10.0.0.1", &[&format!("6.6.6.6{blank}")], "10.0.0.1");
    let lines = vec!["10.0.0.2"; 10_000];
    check("private", "10.0.0.1", &lines, "10.0.0.2");
}

#[test]
fn a_hop_of_eight_kilobytes_is_not_read() {
    let long = "9".repeat(8 * 1024);
    check("private", "10.0.0.1", &[&format!("203.0.113.7, {long}, 10.0.0.2")], "10.0.0.2");
}

#[test]
fn forwarded_is_read_by_its_grammar() {
    check_forwarded(&["for=203.0.113.7"], "203.0.113.7");
    check_forwarded(
        &["For=1.1.1.1;proto=http, FOR=\"203.0.113.7:80\" ; by=10.0.0.3, for=10.0.0.2"],
        "203.0.113.7",
    );
    check_forwarded(&["for=\"[2001:db8::1]:80\";by=\"a,b\\\"c\""], "2001:db8::1");
    check_forwarded(&["for=203.0.113.7, for=unknown, for=10.0.0.2"], "10.0.0.2");
    check_forwarded(&["for=203.0.113.7, for=_hidden"], "10.0.0.1");
    check_forwarded(&["for=203.0.113.7, proto=https"], "10.0.0.1");
    check_forwarded(&["for=203.0.113.7;for=10.0.0.2"], "10.0.0.1");
}

#[test]
fn a_quote_opened_on_the_left_swallows_nothing() {
    check_forwarded(&["for=\"6.6.6.6, for=203.0.113.7, for=10.0.0.2"], "203.0.113.7");
}

#[test]
fn only_one_header_is_read() {
    let proxies: TrustedProxies = "private".parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(FORWARDED, HeaderValue::from_static("for=6.6.6.6"));
    headers.insert("x-real-ip", HeaderValue::from_static("6.6.6.6"));
    assert_eq!(proxies.resolve("10.0.0.1".parse().unwrap(), &headers).to_string(), "10.0.0.1");
}

#[test]
fn a_list_is_refused_with_all_its_problems() {
    let error = "private, 10.0.0.0/99, 0.0.0.0/0, ::/0, proxy.example".parse::<TrustedProxies>().unwrap_err();
    let text = error.to_string();
    for part in [
        "'10.0.0.0/99' is no network",
        "'0.0.0.0/0' would trust everybody",
        "'::/0' would",
        "'proxy.example'",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!("".parse::<TrustedProxies>().unwrap().networks.is_empty());
}

#[test]
fn networks_that_together_hold_everybody_are_refused() {
    for list in [
        "0.0.0.0/1, 128.0.0.0/1",
        "0.0.0.0/1,128.0.0.0/2,192.0.0.0/3,224.0.0.0/3",
        // All that a client can have, in pieces and without what nobody has.
        "0.0.0.0/1, 128.0.0.0/2, 192.0.0.0/3",
        "private, 0.0.0.0/2, 64.0.0.0/2, 128.0.0.0/1",
        "::ffff:0.0.0.0/97, ::ffff:128.0.0.0/97",
        "2000::/4, 3000::/4",
        "::/1, 8000::/1",
        "10.0.0.1, ::/2",
    ] {
        let error = list.parse::<TrustedProxies>().expect_err(list);
        assert!(error.to_string().contains("would trust everybody"), "{list}: {error}");
    }
    // What a provider of proxies has, and even a whole half.
    for list in ["private, loopback, 173.245.48.0/20, 103.21.244.0/22, 2400:cb00::/32", "0.0.0.0/1"] {
        assert!(list.parse::<TrustedProxies>().is_ok(), "{list}");
    }
}

#[test]
fn mapped_network_is_the_one_that_it_stands_for() {
    check("::ffff:10.0.0.0/104", "10.0.0.1", &["203.0.113.7"], "203.0.113.7");
    check("::ffff:10.0.0.0/104", "11.0.0.1", &["203.0.113.7"], "11.0.0.1");
    assert!("::ffff:0:0/96".parse::<TrustedProxies>().is_err());
}

#[test]
fn the_holder_of_the_connection_must_be_known() {
    let proxies: TrustedProxies = "private".parse().unwrap();
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.7"));
    assert_eq!(proxies.client(&parts), None);
    parts.extensions.insert("10.0.0.1:4711".parse::<SocketAddr>().unwrap());
    assert_eq!(proxies.client(&parts).map(|client| client.ip().to_string()).as_deref(), Some("203.0.113.7"));
}
