//! What load balancers, schedulers and scrapers ask.

use axum::{Router, extract::State, response::Response, routing::get};
use http::StatusCode;
use redstart_monitor::{AlertList, Health, HealthStatus, Issue, Reach, Rfc3339};
use serde::Serialize;
use utoipa::ToSchema;

use super::{OpsState, json as answer, openapi::described, text};

/// The public endpoints: `/healthz`, `/readyz`, `/metrics`, `/api/health/redis`, `/api/health/redis-alerts`, and
/// `/openapi.json`, which describes these and those of the administrators.
///
/// `/healthz` never touches Redis, since a scheduler that restarts every process because Redis is away
/// makes things worse. The others share one look at the store per second, however often they are asked.
/// None of them names hosts or keys.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::{OpsState, health_router};
/// use redstart_monitor::Monitor;
///
/// let state = OpsState::new(Monitor::new(Store::memory()));
/// let app: axum::Router = axum::Router::new().merge(health_router(state));
/// # drop(app);
/// ```
pub fn health_router(state: OpsState) -> Router {
    let routes = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/health/redis", get(health))
        .route("/api/health/redis-alerts", get(alerts));
    described(routes).with_state(state)
}

/// Whether the process lives.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    status: &'static str,
}

/// Whether requests should come here.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// Whether Redis answers.
    redis: bool,
    /// `ready`, `warming` or `waiting`.
    status: &'static str,
}

/// What is wrong: the alerts where the service judges them, else the broken thresholds.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum AlertsAnswer {
    Judged(AlertList),
    Broken(AlertsNow),
}

/// The thresholds that are broken now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertsNow {
    alerts: Vec<Issue>,
    #[schema(value_type = String, format = DateTime)]
    checked_at: Rfc3339,
    status: HealthStatus,
}

/// Whether the process lives; it asks nobody.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, description = "The process lives", body = Alive))
)]
pub(super) async fn alive() -> Response {
    answer(StatusCode::OK, &Alive { status: "alive" })
}

/// Whether requests should come here, by the policy of the service.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "They should", body = Ready),
        (status = 503, description = "Not now", body = Ready),
    )
)]
pub(super) async fn ready(State(state): State<OpsState>) -> Response {
    let redis = state.monitor().facts().await.reach == Reach::Answered;
    let (code, status) = if !state.is_warm() {
        (StatusCode::SERVICE_UNAVAILABLE, "warming")
    } else if redis || state.0.ready_alone {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting")
    };
    answer(code, &Ready { redis, status })
}

/// All metrics, as Prometheus text.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "The metrics", content_type = "text/plain", body = String))
)]
pub(super) async fn metrics(State(state): State<OpsState>) -> Response {
    text("text/plain; version=0.0.4; charset=utf-8", state.metrics().await)
}

/// How the store is doing, why, and what to do about it; names neither hosts nor keys.
#[utoipa::path(
    get, path = "/api/health/redis", tag = "health",
    responses(
        (status = 200, description = "It serves", body = Health),
        (status = 503, description = "It does not", body = Health),
    )
)]
pub(super) async fn health(State(state): State<OpsState>) -> Response {
    let health = state.monitor().health().await;
    answer(status_of(&health), &health)
}

/// The alerts where there are some, else the thresholds that are broken now.
#[utoipa::path(
    get, path = "/api/health/redis-alerts", tag = "health",
    responses((status = 200, description = "The alerts", body = AlertsAnswer))
)]
pub(super) async fn alerts(State(state): State<OpsState>) -> Response {
    if let Some(alerts) = &state.0.alerts {
        return answer(StatusCode::OK, &AlertsAnswer::Judged(alerts.list()));
    }
    let Health { checked_at, issues, status, .. } = state.monitor().health().await;
    answer(StatusCode::OK, &AlertsAnswer::Broken(AlertsNow { alerts: issues, checked_at, status }))
}

pub(super) const fn status_of(health: &Health) -> StatusCode {
    match health.status {
        HealthStatus::Healthy | HealthStatus::Degraded => StatusCode::OK,
        HealthStatus::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    }
}
