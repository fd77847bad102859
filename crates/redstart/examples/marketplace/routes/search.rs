//! Searching products, so many times a minute.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use redstart::{
    Subject,
    http::{ApiError, ClientAddress, LimitBy, RateLimitLayer},
};
use serde::{Deserialize, Serialize};

use crate::{app::App, database::Match, request::Asked};

/// The longest text to search for, in characters.
const LONGEST: usize = 100;

/// The route of the search, behind its limit.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let limit = RateLimitLayer::new(&app.store)
        .with_limiter(app.limiter.clone())
        .behind(app.proxies.clone())
        .limit(app.search, by_client(app));
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

/// Counts by the user who shows a token, and by the address of everybody else.
fn by_client(app: &Arc<App>) -> LimitBy {
    let app = Arc::clone(app);
    LimitBy::custom(move |parts| {
        let user = app.tokens.user(&parts.headers).map(|user| Subject::from(format!("user {user}")));
        user.or_else(|| parts.extensions.get().map(|client: &ClientAddress| Subject::from(client.ip())))
    })
}
