//! Postcodes.

use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::get};
use redstart::http::ApiError;

use crate::{answer, app::App, request::PathCode};

/// The route of postcodes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/postcodes/{code}", get(read))
}

async fn read(State(app): State<Arc<App>>, PathCode(code): PathCode) -> Result<Response, ApiError> {
    let postcode = app.caches.postcodes.get_or_load(&code, || app.database.postcode(code.clone())).await;
    answer::cached(postcode)
}
