//! The routes.

mod login;
mod payouts;
mod postcodes;
mod processing;
mod products;
mod records;
mod royalty;
mod search;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode};
use redstart::http::{
    AdminToken, ApiError, OpsState, ResponseTimeLayer, TraceLayer, admin_router, health_router,
};

use crate::{answer, app::App};

/// The most bytes that a body may have.
const LARGEST_BODY: usize = 16 * 1024;

/// The whole service.
pub(crate) fn router(app: Arc<App>, ops: OpsState, admin_token: AdminToken) -> Router {
    let clock = app.store.clock().clone();
    Router::new()
        .merge(records::router())
        .merge(postcodes::router())
        .merge(products::router())
        .merge(search::router(&app))
        .merge(login::router())
        .merge(royalty::router())
        .merge(payouts::router())
        .merge(processing::router())
        .with_state(app)
        .merge(health_router(ops.clone()))
        .merge(admin_router(ops, admin_token))
        .fallback(async || answer::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "This method is not for this path.",
            )
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(ResponseTimeLayer::new(clock))
        .layer(TraceLayer::new())
}
