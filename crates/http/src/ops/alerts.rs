//! The alerts, for administrators.

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::Response,
    routing::{get, put},
};
use http::StatusCode;
use redstart_monitor::{AlertList, Alerts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{guarded, json as answer};
use crate::{AdminToken, ApiError};

/// The alerts and their silences, under `/api/admin/redis/alerts`.
///
/// | request | answer |
/// | --- | --- |
/// | `GET /alerts` | the alerts that are pending, fire, or were over lately |
/// | `PUT /alerts/{alert}/silence?minutes=60&reason=…` | nobody is told of this alert for so long |
/// | `DELETE /alerts/{alert}/silence` | they are again |
///
/// Everything is refused without the bearer token. A silence is this process's own.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::{AdminToken, alerts_router};
/// use redstart_monitor::{AlertSettings, Monitor};
///
/// let alerts = AlertSettings::new(&Monitor::new(Store::memory())).start();
/// let app: axum::Router = axum::Router::new().merge(alerts_router(alerts, AdminToken::from_env("ADMIN_TOKEN")?));
/// # drop(app);
/// # Ok::<(), redstart_http::WeakToken>(())
/// ```
pub fn alerts_router(alerts: Alerts, token: AdminToken) -> Router {
    let routes = Router::new()
        .route("/api/admin/redis/alerts", get(list))
        .route("/api/admin/redis/alerts/{alert}/silence", put(silence).delete(end_silence))
        .with_state(alerts);
    guarded(routes, token)
}

/// The alerts that are pending, fire, or were over lately, and the silences.
#[utoipa::path(
    get, path = "/api/admin/redis/alerts", tag = "admin", security(("token" = [])),
    responses((status = 200, description = "The alerts", body = AlertList), (status = 401, description = "No token"))
)]
pub(super) async fn list(State(alerts): State<Alerts>) -> Response {
    answer(StatusCode::OK, &alerts.list())
}

#[derive(Deserialize)]
pub(super) struct SilenceQuery {
    minutes: u64,
    reason: Option<String>,
}

/// Silences an alert in this process; the answer is the list as it is then.
#[utoipa::path(
    put, path = "/api/admin/redis/alerts/{alert}/silence", tag = "admin", security(("token" = [])),
    params(
        ("alert" = String, Path, description = "The alert"),
        ("minutes" = u64, Query, description = "For how long"),
        ("reason" = Option<String>, Query, description = "Why, for those who see the silence"),
    ),
    responses(
        (status = 200, description = "The alerts", body = AlertList),
        (status = 400, description = "It is not said for how long"),
        (status = 401, description = "No token"),
        (status = 404, description = "There is no such alert"),
    )
)]
pub(super) async fn silence(
    State(alerts): State<Alerts>,
    Path(alert): Path<String>,
    query: Result<Query<SilenceQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(SilenceQuery { minutes, reason }) =
        query.map_err(|_| ApiError::bad_request("Say for how long: ?minutes=60&reason=..."))?;
    let (length, reason) = (Duration::from_secs(minutes.saturating_mul(60)), reason.unwrap_or_default());
    let known = alerts.silence(&alert, length, &reason);
    known.map_err(|unknown| ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{unknown}.")))?;
    tracing::info!(alert, minutes, reason, "an administrator silenced an alert");
    Ok(answer(StatusCode::OK, &alerts.list()))
}

/// The end of a silence.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SilenceEnded {
    alert: String,
    /// Whether it was silent at all.
    was_silent: bool,
}

/// Ends the silence of an alert in this process.
#[utoipa::path(
    delete, path = "/api/admin/redis/alerts/{alert}/silence", tag = "admin", security(("token" = [])),
    params(("alert" = String, Path, description = "The alert")),
    responses((status = 200, description = "It is over", body = SilenceEnded), (status = 401, description = "No token"))
)]
pub(super) async fn end_silence(State(alerts): State<Alerts>, Path(alert): Path<String>) -> Response {
    let was_silent = alerts.end_silence(&alert);
    answer(StatusCode::OK, &SilenceEnded { alert, was_silent })
}
