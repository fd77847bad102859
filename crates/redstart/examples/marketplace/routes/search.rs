//! Searching products, so many times a minute.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use redstart::http::ApiError;
use serde::{Deserialize, Serialize};

use crate::{app::App, database::Match, limits, policies, request::Asked};

/// The longest text to search for, in characters.
const LONGEST: usize = 100;

/// The route of the search, behind its limit.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let limit = limits::by_client(app, policies::SEARCH.name());
    Router::new().route("/api/v1/search", get(search)).route_layer(limit)
}

#[derive(Deserialize)]
struct Question {
    q: String,
}

#[derive(Serialize)]
struct Results {
    query: String,
    results: Vec<Match>,
}

async fn search(
    State(app): State<Arc<App>>,
    Asked(Question { q: query }): Asked<Question>,
) -> Result<Json<Results>, ApiError> {
    if query.trim().is_empty() || LONGEST < query.chars().count() {
        return Err(ApiError::bad_request("Say what to search for, in up to 100 characters: ?q=lamp"));
    }
    let results = app.database.search(query.clone()).await?;
    Ok(Json(Results { query, results }))
}
