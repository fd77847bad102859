//! The page for operators.

use axum::{
    Router,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};
use redstart_monitor::{UPLOT_CSS, UPLOT_JS};

/// What the page may do: load its own parts, and ask this service.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The parts of the page; their names are relative, so that it works behind a proxy too.
const PARTS: [(&str, &str, &str); 5] = [
    ("/admin/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/admin/app.js", "text/javascript; charset=utf-8", include_str!("page/app.js")),
    ("/admin/app.css", "text/css; charset=utf-8", include_str!("page/app.css")),
    ("/admin/uplot.js", "text/javascript; charset=utf-8", UPLOT_JS),
    ("/admin/uplot.css", "text/css; charset=utf-8", UPLOT_CSS),
];

/// A page for operators at `/admin/`, in the browser: health and its reasons, latency and hit rates, caches,
/// limits, locks, keys, the slow log and alerts, live; and what is cached can be forgotten there.
///
/// The page itself holds nothing and is open; it asks for the token of the administrators, keeps it while
/// its tab is open, and shows it to [`admin_router`](crate::admin_router), from which all it shows comes.
/// Everything is embedded, nothing is loaded from elsewhere, and nothing is asked while nobody looks.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::{AdminToken, OpsState, admin_router, dashboard_router, health_router};
/// use redstart_monitor::Monitor;
///
/// let state = OpsState::new(Monitor::new(Store::memory()));
/// let token = AdminToken::from_env("ADMIN_TOKEN")?;
/// let app = health_router(state.clone()).merge(admin_router(state, token)).merge(dashboard_router());
/// # let _app: axum::Router = app;
/// # Ok::<(), redstart_http::WeakToken>(())
/// ```
pub fn dashboard_router() -> Router {
    let page = Router::new().route("/admin", get(async || Redirect::permanent("admin/")));
    PARTS
        .into_iter()
        .fold(page, |page, (path, kind, text)| page.route(path, get(async move || part(kind, text))))
}

fn part(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // Another version of the service has another page.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_from_elsewhere() {
        for (path, _, text) in PARTS {
            // The comment at the head of uPlot names its home, and SVG its namespace.
            let text =
                text.replace("/*! https://github.com/leeoniya/uPlot", "").replace("http://www.w3.org/", "");
            for foreign in ["http://", "https://", "@import", "url(//"] {
                assert!(!text.contains(foreign), "{path} speaks of {foreign}");
            }
        }
    }

    #[test]
    fn nothing_is_inline() {
        let (_, _, page) = PARTS[0];
        for inline in ["<style", " style=", " onclick", " onload", "javascript:", "<script>"] {
            assert!(!page.contains(inline), "{inline}");
        }
    }
}
