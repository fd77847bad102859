//! What administrators of the marketplace do beyond those of any service.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    routing::{delete, get},
};
use redstart::{
    cache::{Applied, Swept, sweep},
    http::ApiError,
    keys::Pattern,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{app::App, database, request::Asked};

/// The routes, which belong behind the token.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/admin/warming", get(warming))
        .route("/api/admin/postcodes", delete(forget_postcodes))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    state: Option<String>,
    pattern: Option<String>,
}

/// How far the warming of the start is, and what it has done.
async fn warming(State(app): State<Arc<App>>) -> Json<Value> {
    let run = app.warming.get();
    let report = match run.filter(|run| run.progress().is_done) {
        Some(run) => run.report().await,
        None => None,
    };
    Json(json!({ "progress": run.map(|run| run.progress()), "report": report }))
}

async fn forget_postcodes(
    State(app): State<Arc<App>>,
    Asked(Which { state, pattern }): Asked<Which>,
) -> Result<Json<Value>, ApiError> {
    match (state, pattern) {
        (Some(state), None) => {
            let state: Result<database::State, _> = state.parse();
            let state =
                state.map_err(|error| ApiError::bad_request(format!("The state is not right: {error}.")))?;
            let tag = state.tag().ok_or_else(ApiError::internal)?;
            let Applied { published, .. } = app.caches.postcodes.invalidate_tag(&tag).await?;
            Ok(Json(json!({ "state": state, "published": published })))
        }
        (None, Some(pattern)) => {
            let Swept { removed, .. } = sweep(&app.store, &codes(&pattern)?).await?;
            Ok(Json(json!({ "pattern": pattern, "deleted": removed })))
        }
        _ => Err(ApiError::bad_request("Say ?state=NSW, or ?pattern=20??")),
    }
}

/// The keys of the codes that a pattern of digits means.
fn codes(pattern: &str) -> Result<Pattern, ApiError> {
    let is_right = (1..=4).contains(&pattern.len())
        && pattern.chars().all(|character| character.is_ascii_digit() || matches!(character, '?' | '*'));
    let codes = is_right.then(|| Pattern::parse(&format!("cache:postcode:{{{pattern}}}")).ok()).flatten();
    codes.ok_or_else(|| ApiError::bad_request("A pattern has up to four digits, ? and *, such as 20??"))
}
