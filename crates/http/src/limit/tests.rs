use std::{convert::Infallible, net::SocketAddr};

use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full};
use redstart_connection::Timestamp;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use super::*;
use crate::{ClientAddress, ResponseTimeLayer, TraceLayer};

const IP: Policy = Policy::per_minute("ip", 2);
const USER: Policy = Policy::per_hour("user", 100);

#[derive(Clone)]
struct User(u64);

/// What is asked, and how.
struct Ask {
    path: &'static str,
    peer: Option<&'static str>,
    headers: &'static [(&'static str, &'static str)],
    user: Option<u64>,
}

const ASK: Ask = Ask { path: "/api", peer: Some("203.0.113.7:4711"), headers: &[], user: None };

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_micros(1_795_181_319_873_000))
}

fn layer(clock: &Clock) -> RateLimitLayer {
    RateLimitLayer::new(&Store::memory_with(clock.clone())).behind("private".parse().unwrap())
}

/// Asks a service behind `layer` that answers with the client it sees.
async fn ask(layer: &RateLimitLayer, clock: &Clock, ask: &Ask) -> Answer {
    let service = service_fn(async |request: Request<Full<Bytes>>| {
        let client = request.extensions().get::<ClientAddress>().map(|client| client.ip().to_string());
        Ok::<_, Infallible>(Response::new(Full::from(client.unwrap_or_default())))
    });
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new())
        .layer(ResponseTimeLayer::new(clock.clone()))
        .layer(layer.clone())
        .service(service);
    let mut request = Request::builder().uri(ask.path);
    for (name, value) in ask.headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Full::default()).unwrap();
    if let Some(peer) = ask.peer {
        request.extensions_mut().insert(peer.parse::<SocketAddr>().unwrap());
    }
    if let Some(user) = ask.user {
        request.extensions_mut().insert(User(user));
    }
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

fn shown(answer: &Answer) -> String {
    use std::fmt::Write as _;
    let mut lines: Vec<_> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    let mut text = format!("{}\n", answer.status);
    for line in lines {
        writeln!(text, "{line}").unwrap();
    }
    text + &answer.body
}

const TRACED: Ask =
    Ask { headers: &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")], ..ASK };

#[tokio::test]
async fn golden_allowed() {
    let clock = clock();
    let limits = layer(&clock)
        .limit(IP, LimitBy::client_address())
        .limit(USER, LimitBy::extension(|user: &User| Subject::from(user.0)));
    let answer = ask(&limits, &clock, &Ask { user: Some(7), ..TRACED }).await;
    let expected = "200 OK
ratelimit-policy: \"ip\";q=2;w=60, \"user\";q=100;w=3600
ratelimit: \"ip\";r=1;t=60, \"user\";r=99;t=3600
x-ratelimit-limit: 2
x-ratelimit-remaining: 1
x-ratelimit-reset: 1795181380
x-response-time: 0.0ms
x-trace-id: 4bf92f3577b34da6a3ce929d0e0e4736
203.0.113.7";
    assert_eq!(shown(&answer), expected);
}

#[tokio::test]
async fn golden_refused() {
    let clock = clock();
    let limits = layer(&clock).limit(IP, LimitBy::client_address());
    for _ in 0..2 {
        ask(&limits, &clock, &ASK).await;
    }
    clock.advance(Duration::from_millis(36_500));
    let answer = ask(&limits, &clock, &TRACED).await;
    let expected = r#"429 Too Many Requests
cache-control: no-store
content-type: application/json
ratelimit-policy: "ip";q=2;w=60
ratelimit: "ip";r=0;t=24
retry-after: 24
x-ratelimit-limit: 2
x-ratelimit-remaining: 0
x-ratelimit-reset: 1795181380
x-response-time: 0.0ms
x-trace-id: 4bf92f3577b34da6a3ce929d0e0e4736
{"error":{"code":"RATE_LIMITED","message":"Too many requests. Try again in 24 seconds.","timestamp":"2026-11-20T13:29:16.373Z","traceId":"4bf92f3577b34da6a3ce929d0e0e4736","retryAfter":24}}"#;
    assert_eq!(shown(&answer), expected);
}

/// Asks in turn; answers with what was admitted.
async fn statuses(limits: &RateLimitLayer, asks: &[Ask]) -> Vec<u16> {
    let clock = clock();
    let mut statuses = Vec::new();
    for each in asks {
        statuses.push(ask(limits, &clock, each).await.status.as_u16());
    }
    statuses
}

const fn forged(value: &'static [(&'static str, &'static str)]) -> Ask {
    Ask { headers: value, ..ASK }
}

#[tokio::test]
async fn a_forged_header_gains_nothing() {
    let limits = layer(&clock()).limit(IP, LimitBy::client_address());
    let asks = [
        forged(&[("x-forwarded-for", "1.1.1.1")]),
        forged(&[("x-forwarded-for", "2.2.2.2"), ("x-real-ip", "2.2.2.2")]),
        forged(&[("x-forwarded-for", "3.3.3.3"), ("forwarded", "for=3.3.3.3")]),
    ];
    assert_eq!(statuses(&limits, &asks).await, [200, 200, 429]);
}

#[tokio::test]
async fn clients_behind_one_proxy_are_told_apart() {
    let limits = layer(&clock()).limit(IP.with_limit(1), LimitBy::client_address());
    let behind = |headers| Ask { peer: Some("10.0.0.1:1"), headers, ..ASK };
    let asks = [
        behind(&[("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.2")]),
        behind(&[("x-forwarded-for", "203.0.113.8, 10.0.0.2")]),
        behind(&[("x-forwarded-for", "7.7.7.7, 203.0.113.7"), ("x-forwarded-for", "10.0.0.2")]),
    ];
    assert_eq!(statuses(&limits, &asks).await, [200, 200, 429]);
}

#[tokio::test]
async fn an_ipv6_client_is_its_network() {
    let limits = layer(&clock()).limit(IP.with_limit(1), LimitBy::client_address());
    let from = |peer| Ask { peer: Some(peer), ..ASK };
    let asks = [from("[2001:db8:1:2::1]:1"), from("[2001:db8:1:2:ffff::9]:1"), from("[2001:db8:1:3::1]:1")];
    assert_eq!(statuses(&limits, &asks).await, [200, 429, 200]);
    let mapped = [from("203.0.113.7:1"), from("[::ffff:203.0.113.7]:1")];
    assert_eq!(statuses(&limits, &mapped).await, [200, 429]);
}

#[tokio::test]
async fn those_without_an_address_share_one_limit() {
    let limits = layer(&clock()).limit(IP.with_limit(1), LimitBy::client_address());
    let unknown = |headers| Ask { peer: None, headers, ..ASK };
    let asks = [unknown(&[]), unknown(&[("x-forwarded-for", "1.1.1.1")])];
    assert_eq!(statuses(&limits, &asks).await, [200, 429]);
}

#[tokio::test]
async fn a_limit_without_a_subject_does_not_apply() {
    let clock = clock();
    let limits = layer(&clock).limit(IP.with_limit(1), LimitBy::bearer());
    for _ in 0..3 {
        let answer = ask(&limits, &clock, &ASK).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (StatusCode::OK, ""));
    }
    let token = |headers| Ask { headers, ..ASK };
    let asks = [
        token(&[("authorization", "Bearer one")]),
        token(&[("authorization", "Bearer two")]),
        token(&[("authorization", "Bearer one")]),
    ];
    assert_eq!(statuses(&limits, &asks).await, [200, 200, 429]);
}

#[tokio::test]
async fn a_refusal_by_one_limit_charges_no_other() {
    let clock = clock();
    let limits = layer(&clock)
        .limit(IP.with_limit(1), LimitBy::client_address())
        .limit(USER, LimitBy::extension(|user: &User| Subject::from(user.0)));
    let mine = Ask { user: Some(7), ..ASK };
    assert_eq!(ask(&limits, &clock, &mine).await.status, 200);
    let refused = ask(&limits, &clock, &mine).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-ratelimit-limit")), (429, "1"));
    let elsewhere = ask(&limits, &clock, &Ask { peer: Some("198.51.100.1:1"), ..mine }).await;
    assert!(elsewhere.header("ratelimit").contains("\"user\";r=98"), "{elsewhere:?}");
}

#[tokio::test]
async fn exempt_paths_carry_no_headers() {
    let clock = clock();
    let limits = layer(&clock).limit(IP.with_limit(0), LimitBy::client_address()).exempt("/static");
    for path in ["/healthz", "/docs/index.html", "/static/logo.svg"] {
        let answer = ask(&limits, &clock, &Ask { path, ..ASK }).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (StatusCode::OK, ""), "{path}");
    }
    assert_eq!(ask(&limits, &clock, &Ask { path: "/docs/..%2fapi", ..ASK }).await.status, 429);
}

#[tokio::test]
async fn a_limit_of_zero_sends_away_for_its_period() {
    let clock = clock();
    let limits = layer(&clock).limit(IP.with_limit(0), LimitBy::client_address());
    let answer = ask(&limits, &clock, &ASK).await;
    assert_eq!(answer.status, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
}

#[tokio::test]
async fn nested_layers_tell_of_the_tighter_limit_and_list_both() {
    let clock = clock();
    let outer = layer(&clock).limit(USER, LimitBy::client_address());
    let inner = layer(&clock).limit(IP, LimitBy::client_address());
    let service = ServiceBuilder::new()
        .layer(outer)
        .layer(inner)
        .service(service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new()))));
    let response = service.oneshot(Request::default()).await.unwrap();
    assert_eq!(response.headers()["x-ratelimit-limit"], "2");
    let lists: Vec<_> = response.headers().get_all("ratelimit").iter().collect();
    assert_eq!(lists, ["\"ip\";r=1;t=60", "\"user\";r=99;t=3600"]);
}

#[tokio::test]
async fn one_policy_for_two_subjects_is_listed_once_by_the_tighter() {
    let limiter = Limiter::new(Store::memory_with(clock()));
    assert!(limiter.check(&IP, "address").await.is_allowed());
    for subjects in [["e-mail", "address"], ["address", "another"]] {
        let limits = subjects.map(|subject| (&IP, Subject::from(subject)));
        let decision = limiter.check_all(&limits).await;
        let mut headers = HeaderMap::new();
        LimitHeaders::new(&decision, clock().now()).apply(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"ip\";q=2;w=60");
        assert_eq!(headers["ratelimit"], "\"ip\";r=0;t=60");
    }
}

#[tokio::test]
async fn draft_fields_can_be_left_out() {
    let clock = clock();
    let limits = layer(&clock).limit(IP, LimitBy::client_address()).without_standard_fields();
    let answer = ask(&limits, &clock, &ASK).await;
    assert_eq!((answer.header("ratelimit"), answer.header("x-ratelimit-remaining")), ("", "1"));
}

#[tokio::test]
async fn refusal_as_a_problem_names_what_was_violated() {
    let clock = clock();
    let limits = layer(&clock).limit(IP.with_limit(0), LimitBy::client_address()).with_problem_bodies();
    let answer = ask(&limits, &clock, &TRACED).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (429, "application/problem+json"));
    let expected = r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Too many requests. Try again in 60 seconds.","status":429,"violated-policies":["ip"],"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","retryAfter":60}"#;
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn grpc_calls_are_refused_in_their_own_way() {
    let clock = clock();
    let limits = layer(&clock).limit(IP.with_limit(1), LimitBy::client_address());
    let call = Ask { headers: &[("content-type", "application/grpc+proto")], ..ASK };
    assert_eq!(ask(&limits, &clock, &call).await.status, 200);
    let refused = ask(&limits, &clock, &call).await;
    assert_eq!((refused.status.as_u16(), refused.header("grpc-status")), (200, "8"));
    assert_eq!(refused.header("grpc-message"), "Too many requests. Try again in 60 seconds.");
    assert_eq!((refused.header("content-type"), refused.body.as_str()), ("application/grpc", ""));
    assert_eq!(refused.header("retry-after"), "60");
}

#[tokio::test]
async fn request_is_charged_what_it_costs() {
    let clock = clock();
    let cost = |parts: &Parts| if parts.uri.path() == "/api" { 3 } else { 0 };
    let limits = layer(&clock).limit(IP.with_limit(7), LimitBy::client_address()).cost(cost);
    let answer = ask(&limits, &clock, &ASK).await;
    assert_eq!(answer.header("x-ratelimit-remaining"), "4");
    let free = ask(&limits, &clock, &Ask { path: "/free", ..ASK }).await;
    assert_eq!((free.status.as_u16(), free.header("x-ratelimit-limit")), (200, ""));
    assert_eq!(statuses(&limits, &[ASK, ASK]).await, [200, 429]);
}

#[tokio::test]
async fn live_limit_holds_from_the_next_request_on() {
    let clock = clock();
    let policies = LivePolicies::new(redstart_ratelimit::PolicyTable::new(&[IP]));
    let limits = layer(&clock).live_limit(&policies, "ip", LimitBy::client_address());
    assert_eq!(statuses(&limits, &[ASK, ASK, ASK]).await, [200, 200, 429]);
    policies.change_by_toml("[limits.ip]\nlimit = 3").unwrap();
    assert_eq!(statuses(&limits, &[ASK, ASK]).await, [200, 429]);
}

#[tokio::test]
async fn api_keys_are_counted_apart_and_those_with_several_as_one() {
    let limits =
        layer(&clock()).limit(IP.with_limit(1), LimitBy::header(http::HeaderName::from_static("x-api-key")));
    let with = |headers| Ask { headers, ..ASK };
    let asks = [
        with(&[("x-api-key", "one")]),
        with(&[("x-api-key", "two")]),
        with(&[("x-api-key", "one")]),
        // Whichever of them the service believes, the limit is not escaped.
        with(&[("x-api-key", "one"), ("x-api-key", "three")]),
        with(&[("x-api-key", "four"), ("x-api-key", "one")]),
    ];
    assert_eq!(statuses(&limits, &asks).await, [200, 200, 429, 200, 429]);
}

#[tokio::test]
async fn one_token_has_one_limit_however_it_is_written() {
    let limits = layer(&clock()).limit(IP.with_limit(1), LimitBy::bearer());
    let with = |headers| Ask { headers, ..ASK };
    let asks = [
        with(&[("authorization", "Bearer one")]),
        with(&[("authorization", "bearer one")]),
        with(&[("authorization", "BEARER    one")]),
        with(&[("authorization", "Bearer one  ")]),
        with(&[("authorization", "Bearer one"), ("authorization", "Bearer two")]),
        with(&[("authorization", "Bearer three"), ("authorization", "Bearer one")]),
    ];
    assert_eq!(statuses(&limits, &asks).await, [200, 429, 429, 429, 200, 429]);
}

#[tokio::test]
async fn variants_of_a_path_escape_no_limit() {
    let clock = clock();
    let limits = layer(&clock).limit(IP.with_limit(0), LimitBy::client_address());
    for path in [
        "//healthz",
        "/healthz%2f..%2fapi",
        "/healthz/../api",
        "/HEALTHZ",
        "/healthz%00",
        "/./healthz",
        "/healthzz",
        "/healthz/%2e%2e/api",
        "/docs//api",
        "/metrics\\api",
        "/api/healthz",
        "/%68ealthz",
    ] {
        let Ok(_) = path.parse::<http::Uri>() else { continue };
        assert_eq!(ask(&limits, &clock, &Ask { path, ..ASK }).await.status, 429, "{path}");
    }
}

#[tokio::test]
async fn a_trace_id_of_ones_own_is_not_believed() {
    let clock = clock();
    let limits = layer(&clock);
    let forged = Ask { headers: &[("x-trace-id", "evil"), ("traceparent", "00-xyz")], ..ASK };
    let answer = ask(&limits, &clock, &forged).await;
    let id = answer.header("x-trace-id");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(answer.headers.get_all("x-trace-id").iter().count(), 1);
}

#[test]
fn an_inner_refusal_keeps_its_own_time() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("900"));
    headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    let store = Store::memory_with(clock());
    let decision = futures(Limiter::new(store.clone()).check(&IP.with_limit(0), 7));
    LimitHeaders::new(&decision, store.clock().now()).apply(&mut headers);
    assert_eq!(headers["retry-after"], "900");
    assert!(!headers.contains_key("x-ratelimit-limit"));
}

fn futures<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}
