//! The endpoints, described for programs.

use axum::{Router, routing::get};
use http::StatusCode;
use utoipa::{
    Modify, OpenApi as _,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{admin, alerts, forget, health, json as answer, live, warm};

/// Describes the endpoints of [`health_router`](crate::health_router), [`admin_router`](crate::admin_router) and
/// [`alerts_router`](crate::alerts_router) as OpenAPI, for `/openapi.json`.
///
/// A service that describes more merges it into its own description.
///
/// ```
/// let text = redstart_http::openapi().to_json()?;
/// assert!(text.contains("/api/health/redis"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// Serves the description at `/openapi.json`.
pub(super) fn described<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.route("/openapi.json", get(async || answer(StatusCode::OK, &openapi())))
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Operations",
        description = "Health, metrics and administration of a service's Redis.",
    ),
    paths(
        health::alive,
        health::ready,
        health::metrics,
        health::health,
        health::alerts,
        admin::health,
        admin::metrics,
        admin::inspect,
        admin::cache_stats,
        admin::keys,
        admin::locks,
        admin::last_census,
        admin::take_census,
        admin::slow_log,
        admin::violations,
        alerts::list,
        alerts::silence,
        alerts::end_silence,
        live::live,
        warm::last_warming,
        warm::warm,
        forget::forget,
    ),
    modifiers(&Token),
)]
struct Description;

/// The token of the administrators.
struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

#[cfg(test)]
mod tests;
