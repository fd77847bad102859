use axum::{Router, body::Body};
use http::{Request, header::AUTHORIZATION};
use http_body_util::BodyExt as _;
use redstart_cache::{Cache, Ids, Warmer, Warming};
use redstart_connection::{Clock, Store, Timestamp};
use redstart_keys::{Category, Entity, Ttl};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::{AdminToken, ApiError, CacheHeaders, LimitBy, RateLimitLayer, TraceLayer};

const TOKEN: &str = "gX7-4fQz1mWb0dKe8sRt";
const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

const ADMIN: [(&str, &str); 10] = [
    ("GET", "/api/admin/redis/health"),
    ("GET", "/api/admin/redis/metrics"),
    ("GET", "/api/admin/redis/cache/stats"),
    ("GET", "/api/admin/redis/keys"),
    ("GET", "/api/admin/redis/slowlog"),
    ("GET", "/api/admin/redis/inspect"),
    ("GET", "/api/admin/redis/locks"),
    ("GET", "/api/admin/redis/census"),
    ("POST", "/api/admin/redis/census"),
    ("DELETE", "/api/admin/redis/cache?pattern=*&confirm=cache"),
];

fn store() -> Store {
    Store::memory_with(Clock::manual(Timestamp::from_micros(1_795_181_319_873_000)))
}

fn app(store: &Store, token: AdminToken) -> Router {
    let state = OpsState::new(Monitor::new(store.clone()));
    health_router(state.clone()).merge(admin_router(state, token)).layer(TraceLayer::new())
}

fn token() -> AdminToken {
    AdminToken::new(TOKEN).unwrap()
}

async fn ask(
    app: &Router,
    method: &str,
    path: &str,
    shown: Option<&str>,
) -> (StatusCode, http::HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(shown) = shown {
        request = request.header(AUTHORIZATION, format!("Bearer {shown}"));
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn json_of(app: &Router, method: &str, path: &str) -> Value {
    let (status, headers, body) = ask(app, method, path, Some(TOKEN)).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    assert_eq!(headers[CACHE_CONTROL], "no-store", "{path}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn without_the_token_everything_is_refused() {
    let store = store();
    for (token, shown) in [
        (token(), None),
        (token(), Some("gX7-4fQz1mWb0dKe8sRu")),
        (token(), Some("")),
        (AdminToken::none(), None),
        (AdminToken::none(), Some("")),
        (AdminToken::none(), Some(TOKEN)),
    ] {
        let app = app(&store, token);
        for (method, path) in ADMIN {
            let (status, headers, body) = ask(&app, method, path, shown).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} {shown:?}");
            assert_eq!(headers["www-authenticate"], r#"Bearer realm="redstart""#);
            assert_eq!(headers[CACHE_CONTROL], "no-store");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["error"]["code"], "UNAUTHORIZED");
            assert_eq!(body["error"]["traceId"], headers["x-trace-id"].to_str().unwrap());
        }
        let (status, ..) = ask(&app, "POST", "/api/admin/redis/cache", shown).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn with_the_token_everything_answers() {
    let app = app(&store(), token());
    for (method, path) in ADMIN {
        json_of(&app, method, path).await;
    }
    let metrics = json_of(&app, "GET", "/api/admin/redis/metrics").await;
    assert_eq!(metrics["server"]["server"]["engine"], "embedded");
}

#[tokio::test]
async fn health_is_public_and_says_no_more_than_it_must() {
    let app = app(&store(), token());
    let (status, headers, body) = ask(&app, "GET", "/api/health/redis", None).await;
    assert_eq!((status, &headers[CACHE_CONTROL]), (StatusCode::OK, &HeaderValue::from_static("no-store")));
    let expected = concat!(
        r#"{"status":"healthy","score":100,"grade":"A","checkedAt":"2026-11-20T13:28:39.873Z","mode":"memory","#,
        r#""reachable":true,"latencyMs":0.0,"hitRate":null,"issues":[],"recommendations":[]}"#
    );
    assert_eq!(body, expected);
    let (status, _, body) = ask(&app, "GET", "/api/health/redis-alerts", None).await;
    let alerts: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &alerts["alerts"]), (StatusCode::OK, &Value::Array(Vec::new())));
    for (path, expected) in
        [("/healthz", r#"{"status":"alive"}"#), ("/readyz", r#"{"redis":true,"status":"ready"}"#)]
    {
        let (status, _, body) = ask(&app, "GET", path, None).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, expected));
    }
    let (_, headers, body) = ask(&app, "GET", "/metrics", None).await;
    assert!(headers[CONTENT_TYPE].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    assert!(body.contains("redis_up 1\n"), "{body}");
}

#[tokio::test]
async fn a_dead_redis_is_unhealthy_but_the_process_lives() {
    // Nothing listens on the discard port.
    let config = redstart_connection::Config::from_url("redis://:hunter2@127.0.0.1:9/0").unwrap();
    let store = Store::lazy(&config).unwrap();
    let app = app(&store, token());
    let (status, _, body) = ask(&app, "GET", "/api/health/redis", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.contains("unreachable") && !body.contains("127.0.0.1") && !body.contains("hunter2"),
        "{body}"
    );
    let (_, _, body) = ask(&app, "GET", "/api/health/redis-alerts", None).await;
    assert!(body.contains(r#""rule":"unreachable""#), "{body}");
    assert_eq!(ask(&app, "GET", "/healthz", None).await.0, StatusCode::OK);
    assert_eq!(ask(&app, "GET", "/readyz", None).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let (status, _, body) = ask(&app, "GET", "/metrics", None).await;
    assert!(status == StatusCode::OK && body.contains("redis_up 0\n"), "{body}");
    let (status, headers, body) = ask(&app, "GET", "/api/admin/redis/metrics", Some(TOKEN)).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &HeaderValue::from_static("1"))
    );
    assert!(body.contains("UNAVAILABLE") && !body.contains("127.0.0.1"), "{body}");
    let (_, _, body) = ask(&app, "GET", "/api/admin/redis/health", Some(TOKEN)).await;
    assert!(body.contains("127.0.0.1") && !body.contains("hunter2"), "{body}");

    let alone = health_router(OpsState::new(Monitor::new(store)).ready_without_redis());
    assert_eq!(ask(&alone, "GET", "/readyz", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_sweep_removes_what_matches_and_nothing_else() {
    let store = store();
    let users = Cache::<u64, String>::new(&store, &USER);
    for id in [1, 2, 30] {
        users.set(&id, &"Ada".to_owned()).await.unwrap();
    }
    let app = app(&store, token());
    let answer = json_of(&app, "DELETE", "/api/admin/redis/cache?pattern=user:%7B?%7D").await;
    assert_eq!((&answer["deleted"], &answer["pattern"]), (&2.into(), &"cache:user:{?}".into()));
    assert!(answer["scanned"].is_u64() && answer["durationMs"].is_u64(), "{answer}");
    assert!(users.get(&1).await.unwrap().is_none() && users.get(&30).await.unwrap().is_some());
    json_of(&app, "DELETE", "/api/admin/redis/cache?pattern=*&confirm=cache").await;
    assert!(users.get(&30).await.unwrap().is_none());
    let stats = json_of(&app, "GET", "/api/admin/redis/cache/stats").await;
    assert_eq!(stats["caches"][0]["name"], "user");
}

#[tokio::test]
async fn a_dry_run_counts_and_removes_nothing() {
    let store = store();
    let users = Cache::<u64, String>::new(&store, &USER);
    for id in 0..30 {
        users.set(&id, &"Ada".to_owned()).await.unwrap();
    }
    let app = app(&store, token());
    let answer = json_of(&app, "DELETE", "/api/admin/redis/cache?pattern=user:%7B*%7D&dryRun=true").await;
    assert_eq!((&answer["matched"], &answer["dryRun"]), (&30.into(), &true.into()));
    assert_eq!(answer["examples"].as_array().map(Vec::len), Some(20));
    assert!(answer["deleted"].is_null() && users.get(&7).await.unwrap().is_some(), "{answer}");
}

#[tokio::test]
async fn everything_is_removed_only_by_who_means_it() {
    let store = store();
    let users = Cache::<u64, String>::new(&store, &USER);
    users.set(&7, &"Ada".to_owned()).await.unwrap();
    let app = app(&store, token());
    for pattern in ["*", "cache:*", "**", "cache:*:*"] {
        for confirm in ["", "&confirm=", "&confirm=yes"] {
            let path = format!("/api/admin/redis/cache?pattern={pattern}{confirm}");
            let (status, _, body) = ask(&app, "DELETE", &path, Some(TOKEN)).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
            assert!(body.contains("CONFIRMATION_REQUIRED") && body.contains("confirm=cache"), "{body}");
        }
    }
    assert!(users.get(&7).await.unwrap().is_some());
    json_of(&app, "DELETE", "/api/admin/redis/cache?pattern=user:*").await;
    assert!(users.get(&7).await.unwrap().is_none());
}

#[tokio::test]
async fn an_entry_and_a_tag_can_be_forgotten() {
    let store = store();
    let users = Cache::<u64, String>::new(&store, &USER);
    let state = OpsState::new(Monitor::new(store.clone())).with_cache(&users);
    let app = admin_router(state, token());
    for id in [7, 8] {
        let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
        let tag = redstart_cache::Tag::new("trial").unwrap();
        users.entry(&id).tag(tag).fetch(move |_| load()).await.unwrap();
    }
    json_of(&app, "DELETE", "/api/admin/redis/cache?cache=user&id=7&dryRun=true").await;
    assert!(users.get(&7).await.unwrap().is_some());
    let answer = json_of(&app, "DELETE", "/api/admin/redis/cache?cache=user&id=7").await;
    // The embedded store has no other processes to tell.
    assert_eq!((&answer["cache"], &answer["published"]), (&"user".into(), &false.into()));
    assert!(users.get(&7).await.unwrap().is_none() && users.get(&8).await.unwrap().is_some());
    json_of(&app, "DELETE", "/api/admin/redis/cache?cache=user&tag=trial").await;
    assert!(users.get(&8).await.unwrap().is_none());
    for query in [
        "cache=user&id=seven",
        "cache=postcode&id=7",
        "cache=user",
        "id=7",
        "cache=user&tag=",
        "cache=user&id=7&tag=trial",
    ] {
        let (status, ..) = ask(&app, "DELETE", &format!("/api/admin/redis/cache?{query}"), Some(TOKEN)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn pages_of_others_change_nothing() {
    let app = app(&store(), token().for_hosts(["ops.example"]));
    let from = async |host: &str, origin: &str, method: &str, path: &str| {
        let request =
            Request::builder().method(method).uri(path).header("host", host).header("origin", origin);
        let request = request.header(AUTHORIZATION, format!("Bearer {TOKEN}"));
        app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    let change = "/api/admin/redis/cache?pattern=user:*";
    assert_eq!(from("ops.example", "https://ops.example", "DELETE", change).await, StatusCode::OK);
    for (host, origin) in [("ops.example", "https://evil.example"), ("evil.example", "https://evil.example")]
    {
        assert_eq!(from(host, origin, "DELETE", change).await, StatusCode::FORBIDDEN, "{host} {origin}");
        assert_eq!(from(host, origin, "POST", "/api/admin/redis/census").await, StatusCode::FORBIDDEN);
        assert_eq!(from(host, origin, "GET", "/api/admin/redis/health").await, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_page_loads_only_its_own_parts() {
    let app = dashboard_router();
    assert_eq!(ask(&app, "GET", "/admin", None).await.1["location"], "admin/");
    for path in ["/admin/", "/admin/app.js", "/admin/app.css", "/admin/uplot.js", "/admin/uplot.css"] {
        let (status, headers, body) = ask(&app, "GET", path, None).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!body.is_empty());
    }
}

#[tokio::test]
async fn live_events_come_until_the_service_ends() {
    let state = OpsState::new(Monitor::new(store()));
    let app = admin_router(state.clone(), token());
    let request = Request::get("/api/admin/redis/live").header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(first.to_vec()).unwrap();
    let data = text.strip_prefix("event: snapshot\ndata: ").unwrap_or_else(|| panic!("{text}"));
    let snapshot: Value = serde_json::from_str(data.trim()).unwrap();
    assert_eq!((&snapshot["health"]["grade"], &snapshot["store"]), (&"A".into(), &"memory".into()));
    state.end_live();
    let rest =
        tokio::time::timeout(std::time::Duration::from_secs(20), body.collect()).await.expect("it ends");
    let rest = String::from_utf8(rest.unwrap().to_bytes().to_vec()).unwrap();
    assert!(
        rest.trim_end().rsplit("\n\n").next().is_some_and(|last| last.starts_with("event: closed")),
        "{rest}"
    );
}

#[tokio::test]
async fn a_hostile_query_is_a_bad_request() {
    let app = app(&store(), token());
    for path in [
        "/api/admin/redis/cache",
        "/api/admin/redis/cache?pattern=",
        "/api/admin/redis/cache?pattern=lock:*",
        "/api/admin/redis/cache?pattern=%0d%0aFLUSHALL",
        "/api/admin/redis/cache?pattern=%ff",
        "/api/admin/redis/cache?pattern=a&pattern=b",
        "/api/admin/redis/cache?pattern=a&dryrun=true",
    ] {
        let (status, _, body) = ask(&app, "DELETE", path, Some(TOKEN)).await;
        let known = status == StatusCode::BAD_REQUEST && body.contains("BAD_REQUEST");
        // What is no UTF-8 becomes a harmless replacement character.
        assert!(known || path.ends_with("%ff"), "{path}: {status} {body}");
    }
    for path in [
        "/api/admin/redis/keys?limit=-1",
        "/api/admin/redis/keys?pattern=%00",
        "/api/admin/redis/slowlog?count=x",
    ] {
        assert_eq!(ask(&app, "GET", path, Some(TOKEN)).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn one_sweep_runs_at_a_time() {
    let state = OpsState::new(Monitor::new(store()));
    let first = state.begin_sweep();
    assert!(first.is_some() && state.clone().begin_sweep().is_none());
    drop(first);
    assert!(state.begin_sweep().is_some());
}

#[tokio::test]
async fn keys_are_shown_with_their_ttl_and_without_sensitive_ids() {
    const CODE: Entity<redstart_keys::TextId> =
        Entity::new(Category::Cache, "mail").ttl(Ttl::minutes(10)).sensitive();
    let store = store();
    Cache::<u64, String>::new(&store, &USER).set(&7, &"Ada".to_owned()).await.unwrap();
    let mails = Cache::<redstart_keys::TextId, String>::new(&store, &CODE);
    mails.set(&"ada@example.org".parse().unwrap(), &"Ada".to_owned()).await.unwrap();
    let app = app(&store, token());
    let sample = json_of(&app, "GET", "/api/admin/redis/keys?pattern=cache:*&limit=10").await;
    assert_eq!(sample["complete"], true);
    let text = sample.to_string();
    assert!(text.contains("cache:user:{7}") && !text.contains("ada@example.org"), "{text}");
}

#[tokio::test]
async fn handlers_answer_with_errors_and_cache_headers() {
    let store = store();
    let users = Cache::<u64, String>::new(&store, &USER);
    users.set(&7, &"Ada".to_owned()).await.unwrap();
    let hit = move || {
        let users = users.clone();
        async move {
            let user = users.get(&7).await?.ok_or_else(ApiError::internal)?;
            Ok::<_, ApiError>((CacheHeaders::of(&user), user.to_string()))
        }
    };
    let failing = || async { Err::<(), _>(ApiError::from(redstart_connection::Error::protocol("secret"))) };
    let limits = RateLimitLayer::new(&store)
        .limit(redstart_ratelimit::Policy::per_minute("api", 10), LimitBy::client_address());
    let app = Router::new()
        .route("/user", axum::routing::get(hit))
        .route("/failing", axum::routing::get(failing))
        .layer(limits)
        .layer(TraceLayer::new());
    let (status, headers, body) = ask(&app, "GET", "/user", None).await;
    assert_eq!(
        (status, body.as_str(), &headers["x-cache"]),
        (StatusCode::OK, "Ada", &HeaderValue::from_static("HIT"))
    );
    let ttl: u64 = headers["x-cache-ttl"].to_str().unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&ttl), "{ttl}");
    let (status, headers, body) = ask(&app, "GET", "/failing", None).await;
    assert_eq!(
        (status, &headers["x-ratelimit-remaining"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &HeaderValue::from_static("8"))
    );
    assert!(body.contains(headers["x-trace-id"].to_str().unwrap()) && !body.contains("secret"), "{body}");
}

#[cfg(feature = "prometheus")]
#[tokio::test]
async fn the_metrics_page_tells_refusals_by_route() {
    let store = store();
    let monitor = Monitor::new(store.clone());
    let exposition = redstart_monitor::Exposition::install(&monitor).unwrap();
    let limits = RateLimitLayer::new(&store)
        .limit(redstart_ratelimit::Policy::per_minute("none", 0), LimitBy::client_address());
    let measured = crate::RequestMetricsLayer::new(store.clock().clone())
        .with_audience(|headers| if headers.contains_key("x-tester") { "tester" } else { "public" });
    let app = Router::new()
        .route("/items/{id}", axum::routing::get(|| async { "item" }))
        .layer(limits)
        .layer(measured)
        .merge(health_router(OpsState::new(monitor).with_exposition(exposition)));
    assert_eq!(ask(&app, "GET", "/items/42", None).await.0, StatusCode::TOO_MANY_REQUESTS);
    let (_, _, page) = ask(&app, "GET", "/metrics", None).await;
    for expected in [
        "rate_limit_rejected_total{endpoint=\"/items/{id}\"} 1\n",
        "db_client_operation_duration_seconds_bucket",
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/items/{id}\",http_response_status_code=\"429\",audience=\"public\"} 1\n",
        "redis_up 1\n",
    ] {
        assert!(page.contains(expected), "{expected} is missing in\n{page}");
    }
}

#[tokio::test]
async fn readiness_waits_for_the_caches_to_be_warm() {
    let is_warm = Arc::new(AtomicBool::new(false));
    let state = OpsState::new(Monitor::new(store())).ready_without_redis().ready_when_warm(&is_warm);
    let app = health_router(state);
    let (status, _, body) = ask(&app, "GET", "/readyz", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("warming"), "{body}");
    assert_eq!(ask(&app, "GET", "/healthz", None).await.0, StatusCode::OK);
    is_warm.store(true, Ordering::Release);
    assert_eq!(ask(&app, "GET", "/readyz", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn routes_of_ones_own_stand_behind_the_token() {
    let routes = Router::new().route("/api/admin/mine", axum::routing::get(|| async { "mine" }));
    let app = guarded(routes, token());
    assert_eq!(ask(&app, "GET", "/api/admin/mine", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&app, "GET", "/api/admin/mine", Some(TOKEN)).await.2, "mine");
}

#[tokio::test]
async fn alerts_are_listed_and_silenced() {
    let alerts = redstart_monitor::AlertSettings::new(&Monitor::new(store())).start();
    let state = OpsState::new(Monitor::new(store())).with_alerts(&alerts);
    let app = health_router(state).merge(alerts_router(alerts, token()));
    for (method, path) in [
        ("GET", "/api/admin/redis/alerts"),
        ("PUT", "/api/admin/redis/alerts/memory/silence?minutes=60"),
        ("DELETE", "/api/admin/redis/alerts/memory/silence"),
    ] {
        assert_eq!(ask(&app, method, path, None).await.0, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let path = "/api/admin/redis/alerts/memory/silence?minutes=60&reason=moving%20house";
    let list = json_of(&app, "PUT", path).await;
    assert_eq!(list["silences"][0]["reason"], "moving house");
    let public: Value =
        serde_json::from_str(&ask(&app, "GET", "/api/health/redis-alerts", None).await.2).unwrap();
    assert_eq!(
        (&public["silences"][0]["alert"], &public["alerts"]),
        (&"memory".into(), &Value::Array(Vec::new()))
    );
    let (status, _, body) =
        ask(&app, "PUT", "/api/admin/redis/alerts/nothing/silence?minutes=1", Some(TOKEN)).await;
    assert!(status == StatusCode::NOT_FOUND && body.contains("nothing"), "{body}");
    let (status, ..) = ask(&app, "PUT", "/api/admin/redis/alerts/memory/silence", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let ended = json_of(&app, "DELETE", "/api/admin/redis/alerts/memory/silence").await;
    assert_eq!(ended["wasSilent"], true);
    assert_eq!(json_of(&app, "GET", "/api/admin/redis/alerts").await["silences"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn administrator_warms_what_the_service_lets_warm() {
    let store = store();
    let (status, ..) = ask(&app(&store, token()), "POST", "/api/admin/redis/warm", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a service without a warmer has nothing to warm");

    let users = Cache::<u64, String>::new(&store, &USER);
    let (open, closed) = tokio::sync::watch::channel(());
    let load = move |ids: Vec<u64>| {
        let mut closed = closed.clone();
        async move {
            closed.changed().await.ok();
            Ok::<_, std::io::Error>(ids.into_iter().map(|id| (id, format!("user {id}"))).collect())
        }
    };
    let warmer = Warmer::new(&store).cache(Warming::new(&users, Ids::these(1..=10), load));
    let state = OpsState::new(Monitor::new(store.clone())).with_warmer(&warmer);
    let app = admin_router(state, token());
    let (refused, ..) = ask(&app, "POST", "/api/admin/redis/warm", None).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
    let nothing = json_of(&app, "GET", "/api/admin/redis/warm").await;
    assert!(nothing["progress"].is_null(), "{nothing}");
    let (status, _, begun) = ask(&app, "POST", "/api/admin/redis/warm", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let (status, _, again) = ask(&app, "POST", "/api/admin/redis/warm", Some(TOKEN)).await;
    assert_eq!(status, StatusCode::CONFLICT, "one at a time: {again}");
    loop {
        open.send_replace(());
        let state = json_of(&app, "GET", "/api/admin/redis/warm").await;
        if state["progress"]["isDone"] == true {
            assert_eq!(state["report"]["caches"][0]["warmed"], 10, "{state}");
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(users.get(&7).await.unwrap().is_some());
}
