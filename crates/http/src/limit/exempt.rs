//! Requests that no limit applies to.

use std::borrow::Cow;

use http::{
    Method,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
    request::Parts,
};

const PATHS: [&str; 5] = ["/healthz", "/readyz", "/docs", "/openapi.json", "/metrics"];

/// The paths that are exempt, each with all below it.
#[derive(Clone, Debug)]
pub(crate) struct Exempt(Vec<Cow<'static, str>>);

impl Default for Exempt {
    fn default() -> Self {
        Self(PATHS.map(Cow::Borrowed).into())
    }
}

impl Exempt {
    pub(crate) fn add(&mut self, path: Cow<'static, str>) {
        self.0.push(path);
    }

    pub(crate) fn spares(&self, parts: &Parts) -> bool {
        is_preflight(parts) || self.is_exempt(parts.uri.path())
    }

    fn is_exempt(&self, path: &str) -> bool {
        // Some server in front or behind may read such a path as another one.
        if path.contains(['%', '\\']) || path.contains("//") || path.contains("/.") {
            return false;
        }
        self.0.iter().any(|exempt| {
            let exempt = exempt.trim_end_matches('/');
            // The root alone: whoever means everything leaves the layer out.
            if exempt.is_empty() {
                return path == "/";
            }
            path.strip_prefix(exempt).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// Browsers ask before they send; that a page may ask must not depend on how often it has.
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests;
