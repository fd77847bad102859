//! The routes.

mod activity;
mod administration;
mod counts;
mod flows;
mod login;
mod payouts;
mod postcodes;
mod prices;
mod processing;
mod products;
mod records;
mod royalty;
mod search;
mod switches;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware::from_fn_with_state};
use redstart::http::{
    AdminToken, ApiError, OpsState, RequestMetricsLayer, ResponseTimeLayer, SecurityHeadersLayer, TraceLayer,
    admin_router, alerts_router, dashboard_router, guarded, health_router,
};
use redstart::monitor::Alerts;

use self::activity::User;
pub(crate) use self::postcodes::tagged;
use crate::{answer, app::App, limits, state};

/// The most bytes that a body may have.
pub(crate) const LARGEST_BODY: usize = 16 * 1024;

/// The whole service.
pub(crate) fn router(app: &Arc<App>, ops: &OpsState, alerts: Alerts, admin_token: AdminToken) -> Router {
    let clock = app.store.clock().clone();
    let unlimited = Router::new()
        .merge(records::router())
        .merge(postcodes::router())
        .merge(prices::router())
        .merge(products::router())
        .merge(royalty::router())
        .merge(payouts::router())
        .merge(processing::router())
        .merge(flows::router(app))
        .merge(counts::router(app));
    let (for_all, for_admins) = (limits::for_all(app), limits::for_admins(app));
    let (open_hours, calls) =
        (state::open_hours(app), from_fn_with_state(Arc::clone(app), counts::count_calls));
    let ours = administration::router().with_state(Arc::clone(app));
    let administration =
        admin_router(ops.clone(), admin_token.clone()).merge(guarded(ours, admin_token.clone()));
    let administration = administration.merge(alerts_router(alerts, admin_token.clone()));
    Router::new()
        .merge(activity::router(app))
        .merge(search::router(app))
        .merge(login::router())
        .merge(unlimited.route_layer(limits::by_default(app)))
        .merge(switches::router(admin_token))
        .route_layer(for_all)
        .route_layer(calls)
        .with_state(Arc::clone(app))
        .merge(health_router(ops.clone()))
        .merge(dashboard_router())
        .merge(administration.route_layer(for_admins))
        .fallback(async || answer::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "This method is not for this path.",
            )
        })
        .layer(open_hours)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(SecurityHeadersLayer::new())
        .layer(ResponseTimeLayer::new(clock.clone()))
        .layer(RequestMetricsLayer::new(clock))
        .layer(TraceLayer::new())
}
