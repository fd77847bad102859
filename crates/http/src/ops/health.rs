//! What load balancers, schedulers and scrapers ask.

use axum::{Router, extract::State, response::Response, routing::get};
use http::StatusCode;
use redstart_monitor::{Health, HealthStatus, Reach};
use serde_json::json;

use super::{OpsState, json as answer, text};

/// The public endpoints: `/healthz`, `/readyz`, `/metrics`, `/api/health/redis` and `/api/health/redis-alerts`.
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
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/health/redis", get(health))
        .route("/api/health/redis-alerts", get(alerts))
        .with_state(state)
}

async fn alive() -> Response {
    answer(StatusCode::OK, &json!({ "status": "alive" }))
}

async fn ready(State(state): State<OpsState>) -> Response {
    let facts = state.monitor().facts().await;
    let redis = facts.reach == Reach::Answered;
    if !state.is_warm() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "warming", "redis": redis }));
    }
    if redis || state.0.ready_alone {
        return answer(StatusCode::OK, &json!({ "status": "ready", "redis": redis }));
    }
    answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "waiting", "redis": redis }))
}

async fn metrics(State(state): State<OpsState>) -> Response {
    text("text/plain; version=0.0.4; charset=utf-8", state.metrics().await)
}

async fn health(State(state): State<OpsState>) -> Response {
    let health = state.monitor().health().await;
    answer(status_of(&health), &health)
}

/// The alerts where there are some, else the thresholds that are broken now.
async fn alerts(State(state): State<OpsState>) -> Response {
    if let Some(alerts) = &state.0.alerts {
        return answer(StatusCode::OK, &alerts.list());
    }
    let Health { checked_at, issues, status, .. } = state.monitor().health().await;
    answer(StatusCode::OK, &json!({ "status": status, "checkedAt": checked_at, "alerts": issues }))
}

pub(super) const fn status_of(health: &Health) -> StatusCode {
    match health.status {
        HealthStatus::Healthy | HealthStatus::Degraded => StatusCode::OK,
        HealthStatus::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    }
}
