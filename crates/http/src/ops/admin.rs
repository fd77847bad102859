//! What administrators ask, behind their token.

use axum::{
    Router,
    extract::{Query, Request, State, rejection::QueryRejection},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{delete, get},
};
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use redstart_cache::{Stats, Swept};
use redstart_connection::Status;
use redstart_keys::{Category, Pattern};
use redstart_monitor::{Rfc3339, Window};
use redstart_ratelimit::Violation;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{OpsState, health::status_of, json as answer};
use crate::{AdminToken, ApiError};

/// How many keys are shown when the request does not say.
const DEFAULT_KEYS: usize = 100;
/// How many slow calls are shown when the request does not say.
const DEFAULT_CALLS: u32 = 25;

/// The endpoints for administrators, under `/api/admin/redis`.
///
/// | request | answer |
/// | --- | --- |
/// | `GET /health` | the health, with causes and connections |
/// | `GET /metrics` | what the server says of itself |
/// | `GET /cache/stats` | what each cache of this process has done |
/// | `GET /keys?pattern=…&limit=…` | a sample of the keys |
/// | `GET /slowlog?count=…` | the last slow calls, without their arguments |
/// | `GET /limits/violations?endpoint=…` | who ran into which limit of this process, and how often |
/// | `DELETE /cache?pattern=…` | removes cached entries |
///
/// Everything is refused without the bearer token, and with [`AdminToken::none`] everything is refused
/// always. A pattern is taken to be within `cache:` and within the store's prefix, so that no pattern
/// reaches a lock, a session, or a key of another service; one sweep runs at a time.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::{AdminToken, OpsState, admin_router};
/// use redstart_monitor::Monitor;
///
/// let state = OpsState::new(Monitor::new(Store::memory()));
/// let app: axum::Router = axum::Router::new().merge(admin_router(state, AdminToken::from_env("ADMIN_TOKEN")?));
/// # drop(app);
/// # Ok::<(), redstart_http::WeakToken>(())
/// ```
pub fn admin_router(state: OpsState, token: AdminToken) -> Router {
    let routes = Router::new()
        .route("/api/admin/redis/health", get(health))
        .route("/api/admin/redis/metrics", get(metrics))
        .route("/api/admin/redis/cache/stats", get(cache_stats))
        .route("/api/admin/redis/keys", get(keys))
        .route("/api/admin/redis/slowlog", get(slow_log))
        .route("/api/admin/redis/limits/violations", get(violations))
        .route("/api/admin/redis/cache", delete(sweep))
        .with_state(state);
    guarded(routes, token)
}

/// Puts routes of one's own behind the token of the administrators.
///
/// ```
/// use axum::{Router, routing::get};
/// use redstart_http::{AdminToken, guarded};
///
/// let routes: Router = Router::new().route("/api/admin/report", get(|| async { "all is well" }));
/// let app: Router = Router::new().merge(guarded(routes, AdminToken::from_env("ADMIN_TOKEN")?));
/// # drop(app);
/// # Ok::<(), redstart_http::WeakToken>(())
/// ```
pub fn guarded(routes: Router, token: AdminToken) -> Router {
    routes.route_layer(middleware::from_fn_with_state(token, guard))
}

#[derive(Deserialize)]
struct AtEndpoint {
    endpoint: Option<String>,
}

async fn violations(
    State(state): State<OpsState>,
    asked: Result<Query<AtEndpoint>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(AtEndpoint { endpoint }) =
        asked.map_err(|_| ApiError::bad_request("Say ?endpoint=/a/route"))?;
    let Some(known) = &state.0.violations else {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "No limiter is shown here."));
    };
    let found = endpoint.map_or_else(|| known.all(), |endpoint| known.at(&endpoint));
    let shown = found.iter().map(|Violation { endpoint, policy, subject, refused, first, last, .. }| {
        json!({
            "endpoint": &**endpoint, "policy": policy, "subject": subject, "refused": refused,
            "first": Rfc3339::from(*first), "last": Rfc3339::from(*last),
        })
    });
    Ok(answer(StatusCode::OK, &json!({ "violations": shown.collect::<Vec<_>>() })))
}

async fn guard(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    if token.admits(request.headers()) {
        return next.run(request).await;
    }
    let mut response = ApiError::unauthorized().into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="redstart""#));
    response
}

async fn health(State(state): State<OpsState>) -> Response {
    let (health, facts) = (state.monitor().health().await, state.monitor().facts().await);
    let connection = connection(&facts.status);
    let store = state.store().describe();
    let value = json!({ "health": health, "cause": facts.cause, "store": store, "connection": connection });
    answer(status_of(&health), &value)
}

async fn metrics(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let (server, facts) = (state.monitor().server().await?, state.monitor().facts().await);
    let value = json!({
        "opsPerSecond": server.stats.ops_per_second,
        "hitRate": server.stats.hit_rate(),
        "recentHitRate": facts.window.as_ref().and_then(Window::hit_rate),
        "memoryUsage": server.memory.usage(),
        "keys": server.keys(),
        "poolUtilization": facts.pool_utilization(),
        "window": facts.window,
        "server": server,
        "connection": connection(&facts.status),
    });
    Ok(answer(StatusCode::OK, &value))
}

async fn cache_stats(State(state): State<OpsState>) -> Response {
    let caches: Vec<_> = redstart_cache::caches(state.store()).iter().map(stats).collect();
    answer(StatusCode::OK, &json!({ "caches": caches }))
}

#[derive(Deserialize)]
struct KeysQuery {
    pattern: Option<String>,
    limit: Option<usize>,
}

async fn keys(
    State(state): State<OpsState>,
    query: Result<Query<KeysQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(KeysQuery { pattern, limit }) = query.map_err(|_| unreadable())?;
    let pattern = pattern.map_or_else(|| Ok(Pattern::all()), |pattern| parse(&pattern))?;
    let sample = state.monitor().keys(&pattern, limit.unwrap_or(DEFAULT_KEYS)).await?;
    Ok(answer(StatusCode::OK, &sample))
}

#[derive(Deserialize)]
struct SlowLogQuery {
    count: Option<u32>,
}

async fn slow_log(
    State(state): State<OpsState>,
    query: Result<Query<SlowLogQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(SlowLogQuery { count }) = query.map_err(|_| unreadable())?;
    let calls = state.monitor().slow_log(count.unwrap_or(DEFAULT_CALLS)).await?;
    Ok(answer(StatusCode::OK, &json!({ "calls": calls })))
}

#[derive(Deserialize)]
struct SweepQuery {
    pattern: Option<String>,
}

async fn sweep(
    State(state): State<OpsState>,
    query: Result<Query<SweepQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(SweepQuery { pattern }) = query.map_err(|_| unreadable())?;
    let pattern = pattern.ok_or_else(|| ApiError::bad_request("Say what to remove: ?pattern=user:*"))?;
    let pattern = within_cache(&pattern)?;
    let Some(_sweeping) = state.begin_sweep() else {
        let message = "Another sweep is running. Try again when it is done.";
        return Err(ApiError::new(StatusCode::CONFLICT, "SWEEP_RUNNING", message));
    };
    let clock = state.store().clock();
    let started = clock.instant();
    let Swept { scanned, removed, .. } = redstart_cache::sweep(state.store(), &pattern).await?;
    let took = clock.instant().saturating_duration_since(started).as_millis();
    tracing::info!(%pattern, scanned, removed, "an administrator removed cached entries");
    let pattern = pattern.to_string();
    let value = json!({ "pattern": pattern, "deleted": removed, "scanned": scanned, "durationMs": took });
    Ok(answer(StatusCode::OK, &value))
}

/// The pattern within the category of caches, to which it is confined whatever it says.
fn within_cache(text: &str) -> Result<Pattern, ApiError> {
    if text.is_empty() {
        return parse(text);
    }
    let category = text.split_once(':').and_then(|(first, _)| Category::from_name(first));
    match category {
        Some(Category::Cache) => parse(text),
        Some(other) => Err(ApiError::bad_request(format!(
            "Only cached entries can be removed here, not those of '{other}'."
        ))),
        None => parse(&format!("{}:{text}", Category::Cache)),
    }
}

fn parse(text: &str) -> Result<Pattern, ApiError> {
    Pattern::parse(text).map_err(|problem| ApiError::bad_request(format!("The {problem}.")))
}

fn unreadable() -> ApiError {
    ApiError::bad_request("The query can't be read.")
}

fn connection(status: &Status) -> Value {
    json!({
        "mode": status.mode,
        "lanes": status.lanes,
        "connected": status.connected,
        "inFlight": status.in_flight,
        "permits": status.permits,
        "waiting": status.waiting,
        "exclusiveInUse": status.exclusive_in_use,
        "exclusiveSize": status.exclusive_size,
        "exclusiveWaits": status.exclusive_waits,
        "exclusiveExhausted": status.exclusive_exhausted,
        "connections": status.connections,
        "connectionsMax": status.connections_max,
        "lastError": status.last_error,
    })
}

/// The numbers of a cache, with its hit rate.
fn stats(stats: &Stats) -> Value {
    let mut value = json!(stats);
    value["hitRate"] = json!(stats.hit_rate());
    value["since"] = json!(Rfc3339::from(stats.since));
    value
}

#[cfg(test)]
mod tests;
