//! Features, and the switch that closes the site.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, put},
};
use redstart::{
    Flags,
    http::{AdminToken, ApiError},
    state::FlagRule,
};
use serde_json::{Value, json};

use crate::{answer, app::App, request::JsonBody, state};

/// The routes of switches; those who change them show the token of administrators.
pub(super) fn router(admin_token: AdminToken) -> Router<Arc<App>> {
    let admin = Router::new().route("/api/admin/flags/{name}", put(set)).layer(axum::middleware::from_fn(
        move |headers: HeaderMap, request: axum::extract::Request, next: axum::middleware::Next| {
            let admits = admin_token.admits(&headers);
            async move { if admits { Ok(next.run(request).await) } else { Err(ApiError::unauthorized()) } }
        },
    ));
    Router::new().route("/api/v1/features", get(features)).merge(admin)
}

/// What is on for the user who asks, or for nobody in particular.
async fn features(State(app): State<Arc<App>>, headers: HeaderMap) -> Json<Value> {
    let user = app.tokens.user(&headers).map(|user| user.to_string());
    let is_on = |name| (name, app.state.features.is_on(name, user.as_deref(), &[]));
    Json(json!(state::FEATURES.map(is_on).into_iter().collect::<std::collections::BTreeMap<_, _>>()))
}

async fn set(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    JsonBody(rule): JsonBody<FlagRule>,
) -> Result<StatusCode, ApiError> {
    let flags: &Flags = if name == state::SITE { &app.state.maintenance } else { &app.state.features };
    if flags.rule(&name).is_none() {
        return Err(answer::not_found());
    }
    flags.set(&name, &rule).await?;
    Ok(StatusCode::NO_CONTENT)
}
