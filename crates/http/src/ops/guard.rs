//! What stands before the routes of administrators.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header::WWW_AUTHENTICATE};

use crate::{AdminToken, ApiError, origin};

/// Puts routes of one's own behind the token of the administrators.
///
/// What changes something is also refused to pages of other origins, and under host names that are not
/// [listed](AdminToken::for_hosts).
///
/// ```
/// use axum::{Router, routing::get};
/// use redstart_http::{AdminToken, guarded};
///
/// let routes: Router = Router::new().route("/api/admin/report", get(|| async { "all is well" }));
/// let app: Router = Router::new().merge(guarded(routes, AdminToken::from_env("ADMIN_TOKEN")?));
/// # drop(app);
/// # Ok::<(), redstart_http::WeakToken>(())
/// ```
pub fn guarded(routes: Router, token: AdminToken) -> Router {
    routes.route_layer(middleware::from_fn_with_state(token, guard))
}

async fn guard(State(token): State<AdminToken>, request: Request, next: Next) -> Response {
    if !token.admits(request.headers()) {
        let mut response = ApiError::unauthorized().into_response();
        let ask = HeaderValue::from_static(r#"Bearer realm="redstart""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, ask);
        return response;
    }
    let checked = if request.method().is_safe() {
        Ok(())
    } else {
        origin::check(request.uri(), request.headers(), token.hosts())
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}
