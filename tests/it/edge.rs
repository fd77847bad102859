//! The rate limit layer under hyper alone, on a real connection, and what attackers send it.

mod server;

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, Request, Response, header::FORWARDED};
use http_body_util::Full;
use hyper::body::Incoming;
use redstart_connection::Store;
use redstart_http::{ClientAddress, LimitBy, RateLimitLayer, TrustedProxies};
use redstart_ratelimit::{Policy, Subject};
use redstart_testkit::shared;
use tower::{ServiceBuilder, service_fn};

use self::server::{Server, serve};
use crate::support::store;

const EDGE: Policy = Policy::per_hour("edge", 3);
const SPENT: Policy = Policy::per_hour("spent", 0);

/// A service behind limits, which answers with the address of the client.
async fn limited(layer: RateLimitLayer) -> Server {
    let address = service_fn(async |request: Request<Incoming>| {
        let client = request.extensions().get::<ClientAddress>().map(|client| client.ip().to_string());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(client.unwrap_or_default()))))
    });
    serve(ServiceBuilder::new().layer(layer).service(address)).await
}

fn behind_loopback(store: &Store, policy: Policy) -> RateLimitLayer {
    let proxies: TrustedProxies = "loopback".parse().unwrap();
    RateLimitLayer::new(store).behind(proxies).limit(policy, LimitBy::client_address())
}

#[tokio::test]
async fn plain_hyper_service_is_limited() {
    let store = store();
    let layer = behind_loopback(&store, EDGE)
        .limit(EDGE.with_limit(2), LimitBy::custom(|parts| Some(Subject::from(parts.uri.path()))));
    let server = limited(layer).await;
    for left in ["1", "0"] {
        let answer = server.get("/a", "").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, Some(left)));
        assert_eq!(answer.body, "127.0.0.1");
    }
    let refused = server.get("/a", "").await;
    assert_eq!(refused.status, 429);
    assert!(refused.body.starts_with(r#"{"error":{"code":"RATE_LIMITED","#), "{}", refused.body);
    assert!(refused.header("retry-after").is_some_and(|wait| wait.parse::<u64>().unwrap() >= 1));
    // What the path was refused, the address has not paid for.
    assert_eq!(server.get("/b", "").await.status, 200);
}

/// Headers that name a great many hops in every way that passes for one.
fn floods() -> Vec<String> {
    let hops = |count: usize, hop: &str| vec![hop; count].join(", ");
    let lines = |name: &str, count: usize, value: &str| format!("{name}: {value}\r\n").repeat(count);
    let forwarded = |count: usize| hops(count, "for=\"[2001:db8::6]:80\";proto=https");
    vec![
        format!("X-Forwarded-For: {}\r\n", hops(30_000, "6.6.6.6")),
        format!("X-Forwarded-For: {}\r\n", hops(30_000, "127.0.0.1")),
        format!("X-Forwarded-For: 6.6.6.6{}\r\n", ",".repeat(300_000)),
        format!("X-Forwarded-For: {}\r\n", "9".repeat(300_000)),
        format!("X-Forwarded-For: {}\r\n", "\"\\".repeat(150_000)),
        lines("X-Forwarded-For", 4_000, "6.6.6.6"),
        lines("X-Forwarded-For", 4_000, "127.0.0.1"),
        lines("X-Forwarded-For", 4_000, ""),
        format!("Forwarded: {}\r\n", forwarded(5_000)),
        lines("Forwarded", 4_000, "for=6.6.6.6"),
        format!("Forwarded: for=\"{}\r\n", "\\\"".repeat(150_000)),
        format!("Forwarded: {}\r\n", "for=6.6.6.6;".repeat(20_000)),
    ]
}

#[tokio::test]
async fn flood_of_headers_gains_no_stranger_anything() {
    // Who is no proxy may write what he likes.
    for header in [HeaderName::from_static("x-forwarded-for"), FORWARDED] {
        let store = store();
        let strangers: TrustedProxies = "10.0.0.0/8".parse().unwrap();
        let strangers = strangers.with_header(header);
        let layer = RateLimitLayer::new(&store).behind(strangers).limit(EDGE, LimitBy::client_address());
        let server = limited(layer).await;
        let mut admitted = 0;
        for flood in floods() {
            let answer = server.get("/", &flood).await;
            assert!(answer.status == 429 || answer.body == "127.0.0.1", "{}", answer.body);
            admitted += u32::from(answer.status == 200);
        }
        assert_eq!(admitted, EDGE.limit());
        assert_eq!(shared().raw().keys(store.prefix().as_str()).len(), 1);
    }
}

#[tokio::test]
async fn flood_of_headers_through_a_proxy_is_counted_by_what_the_proxy_wrote() {
    let forged = Policy::per_hour("forged", 1_000);
    for (header, written) in [
        (HeaderName::from_static("x-forwarded-for"), "X-Forwarded-For: 203.0.113.7\r\n"),
        (FORWARDED, "Forwarded: for=203.0.113.7\r\n"),
    ] {
        let store = store();
        let proxies: TrustedProxies = "loopback".parse().unwrap();
        let layer = RateLimitLayer::new(&store).behind(proxies.with_header(header));
        let server = limited(layer.limit(forged, LimitBy::client_address())).await;
        for flood in floods() {
            // The proxy adds a line of its own below those that it got.
            let answer = server.get("/", &format!("{flood}{written}")).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "203.0.113.7"));
        }
        // A proxy that writes nothing is the client itself, or the left end of those that are trusted.
        for flood in floods() {
            let answer = server.get("/", &flood).await;
            assert!(
                matches!(answer.body.as_str(), "127.0.0.1" | "6.6.6.6" | "2001:db8::6"),
                "{}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn path_that_may_mean_another_is_limited_on_the_wire() {
    let server = limited(behind_loopback(&store(), SPENT)).await;
    for target in ["/healthz", "/healthz/", "/healthz?x=//", "/docs/a/b", "http://evil.example/healthz"] {
        assert_eq!(server.get(target, "").await.status, 200, "{target}");
    }
    for target in [
        "/api",
        "//healthz",
        "/healthz//",
        "/HEALTHZ",
        "/healthz;a=b",
        "/healthz/../api",
        "/healthz/%2e%2e/api",
        "/%68ealthz",
        "/healthz%2f..%2fapi",
        "/healthz/..;/api",
        "/docs\\..\\api",
        "/docs/.%2e/api",
        "/healthz%00",
        "/healthzz",
        "http://evil.example/api?/healthz",
        "http://evil.example",
    ] {
        // Either it is limited, or the server does not take it at all.
        let status = server.get(target, "").await.status;
        assert!(matches!(status, 429 | 400), "{target}: {status}");
    }
}

#[tokio::test]
async fn headers_that_contradict_each_other_make_nobody_uncounted() {
    let store = store();
    let key = HeaderName::from_static("x-api-key");
    let layer = behind_loopback(&store, EDGE).limit(EDGE.with_limit(100), LimitBy::header(key));
    let server = limited(layer).await;
    let mut admitted = 0;
    for nth in 0..6 {
        // Made-up keys, several of them, and an address of one's own on the left.
        let keys = format!("X-Api-Key: {nth}\r\nX-Api-Key: x{nth}\r\n");
        let answer = server.get("/", &format!("{keys}X-Forwarded-For: {nth}.1.1.1, 203.0.113.7\r\n")).await;
        admitted += u32::from(answer.status == 200);
    }
    assert_eq!(admitted, EDGE.limit());
}
