//! What administrators ask, behind their token.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
    routing::{delete, get},
};
use http::StatusCode;
use redstart_keys::Pattern;
use redstart_monitor::{
    Census, CensusPlan, ClientList, ClientWindow, Health, Inspection, KeySample, NodeInfo, ServerInfo,
    ServerLatency, SlowCall, Told, Window,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OpsState, forget, guarded,
    health::status_of,
    json as answer, live,
    snapshot::{self, CacheNumbers, Connection, Refusals},
    warm,
};
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
/// | `GET /metrics` | what the servers say of themselves, and what this process recorded |
/// | `GET /inspect` | settings, memory, users, clients, as far as this user may ask |
/// | `GET /cache/stats` | what each cache of this process has done |
/// | `GET /keys?pattern=…&limit=…` | a sample of the keys |
/// | `GET /locks` | the locks that are held |
/// | `GET /census` | the last census of the keys; `POST` takes one |
/// | `GET /slowlog?count=…` | the last slow calls, without their arguments |
/// | `GET /limits/violations?endpoint=…` | who ran into which limit of this process, and how often |
/// | `GET /live` | how things are, once a second, as server-sent events |
/// | `GET /warm` | how far the last warming is; `POST` begins one, where the service [has a warmer](OpsState::with_warmer) |
/// | `DELETE /cache?pattern=…` | removes cached entries; `dryRun=true` counts them, `confirm=…` means everything |
/// | `DELETE /cache?cache=…&id=…`, `&tag=…` | forgets an entry or a tag of a cache that was [added](OpsState::with_cache) |
///
/// Everything is refused without the bearer token, and with [`AdminToken::none`] everything is refused
/// always. A pattern is taken to be within `cache:` and within the store's prefix, so that no pattern
/// reaches a lock, a session, or a key of another service; one sweep runs at a time.
/// Changes are refused to pages of other origins, and under host names that are not
/// [listed](AdminToken::for_hosts).
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
        .route("/api/admin/redis/inspect", get(inspect))
        .route("/api/admin/redis/cache/stats", get(cache_stats))
        .route("/api/admin/redis/keys", get(keys))
        .route("/api/admin/redis/locks", get(locks))
        .route("/api/admin/redis/census", get(last_census).post(take_census))
        .route("/api/admin/redis/slowlog", get(slow_log))
        .route("/api/admin/redis/limits/violations", get(violations))
        .route("/api/admin/redis/live", get(live::live))
        .route("/api/admin/redis/warm", get(warm::last_warming).post(warm::warm))
        .route("/api/admin/redis/cache", delete(forget::forget))
        .with_state(state);
    guarded(routes, token)
}

/// The health, with what only operators may know.
#[derive(Serialize, ToSchema)]
pub(super) struct FullHealth {
    health: Health,
    /// Why there is no answer; it may name hosts.
    cause: Option<String>,
    /// Where the store is.
    store: String,
    connection: Connection,
}

/// The health, with causes and connections.
#[utoipa::path(
    get, path = "/api/admin/redis/health", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, description = "It serves", body = FullHealth),
        (status = 503, description = "It does not", body = FullHealth),
        (status = 401, description = "No token"),
    )
)]
pub(super) async fn health(State(state): State<OpsState>) -> Response {
    let (facts, health) = state.monitor().report().await;
    let connection = Connection::of(&facts);
    let store = state.store().describe().to_owned();
    answer(status_of(&health), &FullHealth { health, cause: facts.cause, store, connection })
}

/// What the servers say of themselves, and what this process recorded.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    ops_per_second: u64,
    /// The share of reads that found their key, since the start of the server.
    hit_rate: Option<f64>,
    /// The same lately.
    recent_hit_rate: Option<f64>,
    /// The share of the memory's bound in use.
    memory_usage: Option<f64>,
    keys: u64,
    pool_utilization: Option<f64>,
    window: Option<Window>,
    server: ServerInfo,
    /// Every server that owns keys.
    nodes: Vec<NodeInfo>,
    client: Option<ClientWindow>,
    server_latency: Told<ServerLatency>,
    connection: Connection,
}

/// What the servers say of themselves, and what this process recorded.
#[utoipa::path(
    get, path = "/api/admin/redis/metrics", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, description = "The figures", body = Metrics),
        (status = 503, description = "The server does not answer"),
        (status = 501, description = "The server does not tell this user"),
        (status = 401, description = "No token"),
    )
)]
pub(super) async fn metrics(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let (server, nodes) = (state.monitor().server().await?, state.monitor().nodes().await?);
    let facts = state.monitor().facts().await;
    let metrics = Metrics {
        ops_per_second: server.stats.ops_per_second,
        hit_rate: server.stats.hit_rate(),
        recent_hit_rate: facts.window.as_ref().and_then(Window::hit_rate),
        memory_usage: server.memory.usage(),
        keys: server.keys(),
        pool_utilization: facts.pool_utilization(),
        connection: Connection::of(&facts),
        window: facts.window,
        client: facts.client,
        server_latency: facts.server_latency,
        server,
        nodes,
    };
    Ok(answer(StatusCode::OK, &metrics))
}

/// What else a server tells, as far as this user may ask.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inspected {
    #[serde(flatten)]
    inspection: Inspection,
    /// Who is connected.
    clients: Told<ClientList>,
}

/// Settings, memory, users, latency, cluster, clients; what may not be asked here says so.
#[utoipa::path(
    get, path = "/api/admin/redis/inspect", tag = "admin", security(("token" = [])),
    responses((status = 200, description = "The answers", body = Inspected), (status = 401, description = "No token"))
)]
pub(super) async fn inspect(State(state): State<OpsState>) -> Response {
    let inspection = state.monitor().inspect().await;
    let clients = state.monitor().clients().await;
    answer(StatusCode::OK, &Inspected { inspection, clients })
}

/// What the caches of this process have done.
#[derive(Serialize, ToSchema)]
pub(super) struct Caches {
    caches: Vec<CacheNumbers>,
}

/// What each cache of this process has done.
#[utoipa::path(
    get, path = "/api/admin/redis/cache/stats", tag = "admin", security(("token" = [])),
    responses((status = 200, description = "The counts", body = Caches), (status = 401, description = "No token"))
)]
pub(super) async fn cache_stats(State(state): State<OpsState>) -> Response {
    answer(StatusCode::OK, &Caches { caches: snapshot::caches(&state) })
}

#[derive(Deserialize)]
pub(super) struct KeysQuery {
    pattern: Option<String>,
    limit: Option<usize>,
}

/// A sample of the keys, with their TTLs.
#[utoipa::path(
    get, path = "/api/admin/redis/keys", tag = "admin", security(("token" = [])),
    params(
        ("pattern" = Option<String>, Query, description = "Which keys, such as `cache:user:*`; all by default"),
        ("limit" = Option<usize>, Query, description = "How many, 1,000 at most; 100 by default"),
    ),
    responses(
        (status = 200, description = "The keys", body = KeySample),
        (status = 400, description = "The pattern makes no sense"),
        (status = 401, description = "No token"),
    )
)]
pub(super) async fn keys(
    State(state): State<OpsState>,
    query: Result<Query<KeysQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(KeysQuery { pattern, limit }) = query.map_err(|_| unreadable())?;
    let pattern = pattern.map_or_else(|| Ok(Pattern::all()), |pattern| parse(&pattern))?;
    let sample = state.monitor().keys(&pattern, limit.unwrap_or(DEFAULT_KEYS)).await?;
    Ok(answer(StatusCode::OK, &sample))
}

/// The locks that are held, by whichever process; their keys and the time that they have left.
#[utoipa::path(
    get, path = "/api/admin/redis/locks", tag = "admin", security(("token" = [])),
    responses((status = 200, description = "The keys of the locks", body = KeySample), (status = 401, description = "No token"))
)]
pub(super) async fn locks(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let pattern = redstart_keys::Category::Lock.pattern();
    let sample = state.coordination().keys(&pattern, DEFAULT_KEYS).await?;
    Ok(answer(StatusCode::OK, &sample))
}

/// The last census of the keys.
#[derive(Serialize, ToSchema)]
pub(super) struct LastCensus {
    /// None before the first.
    census: Option<Census>,
}

/// The last census of the keys, by which the health is judged.
#[utoipa::path(
    get, path = "/api/admin/redis/census", tag = "admin", security(("token" = [])),
    responses((status = 200, description = "The census", body = LastCensus), (status = 401, description = "No token"))
)]
pub(super) async fn last_census(State(state): State<OpsState>) -> Response {
    answer(StatusCode::OK, &LastCensus { census: state.monitor().last_census().map(Arc::unwrap_or_clone) })
}

/// Takes a census: up to 10,000 keys of all servers, within two seconds.
#[utoipa::path(
    post, path = "/api/admin/redis/census", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, description = "The census", body = LastCensus),
        (status = 401, description = "No token"),
        (status = 409, description = "Another walk over the keys is under way"),
    )
)]
pub(super) async fn take_census(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let Some(_walking) = state.begin_sweep() else {
        let message = "Another walk over the keys is under way. Try again when it is done.";
        return Err(ApiError::new(StatusCode::CONFLICT, "WALK_RUNNING", message));
    };
    let census = state.monitor().census(&CensusPlan::new(), |_| {}).await?;
    Ok(answer(StatusCode::OK, &LastCensus { census: Some(Arc::unwrap_or_clone(census)) }))
}

#[derive(Deserialize)]
pub(super) struct SlowLogQuery {
    count: Option<u32>,
}

/// What took long on the server.
#[derive(Serialize, ToSchema)]
pub(super) struct SlowLog {
    calls: Vec<SlowCall>,
}

/// The last slow calls, without their arguments.
#[utoipa::path(
    get, path = "/api/admin/redis/slowlog", tag = "admin", security(("token" = [])),
    params(("count" = Option<u32>, Query, description = "How many, 128 at most; 25 by default")),
    responses(
        (status = 200, description = "The calls, the newest first", body = SlowLog),
        (status = 400, description = "The count is no number"),
        (status = 501, description = "The server does not tell this user"),
        (status = 401, description = "No token"),
    )
)]
pub(super) async fn slow_log(
    State(state): State<OpsState>,
    query: Result<Query<SlowLogQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(SlowLogQuery { count }) = query.map_err(|_| unreadable())?;
    let calls = state.monitor().slow_log(count.unwrap_or(DEFAULT_CALLS)).await?;
    Ok(answer(StatusCode::OK, &SlowLog { calls }))
}

#[derive(Deserialize)]
pub(super) struct AtEndpoint {
    endpoint: Option<String>,
}

/// Who ran into the limits of this process.
#[derive(Serialize, ToSchema)]
pub(super) struct Violated {
    violations: Vec<Refusals>,
}

/// Who ran into which limit of this process, and how often.
#[utoipa::path(
    get, path = "/api/admin/redis/limits/violations", tag = "admin", security(("token" = [])),
    params(("endpoint" = Option<String>, Query, description = "The route; all by default")),
    responses(
        (status = 200, description = "The violations", body = Violated),
        (status = 404, description = "No limiter is shown here"),
        (status = 401, description = "No token"),
    )
)]
pub(super) async fn violations(
    State(state): State<OpsState>,
    asked: Result<Query<AtEndpoint>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(AtEndpoint { endpoint }) =
        asked.map_err(|_| ApiError::bad_request("Say ?endpoint=/a/route"))?;
    let violations = snapshot::violations(&state, endpoint.as_deref())
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "No limiter is shown here."))?;
    Ok(answer(StatusCode::OK, &Violated { violations }))
}

pub(super) fn parse(text: &str) -> Result<Pattern, ApiError> {
    Pattern::parse(text).map_err(|problem| ApiError::bad_request(format!("The {problem}.")))
}

fn unreadable() -> ApiError {
    ApiError::bad_request("The query can't be read.")
}
