//! Whether a request that changes something comes from where it says.

use std::net::IpAddr;

use http::{
    HeaderMap, StatusCode, Uri,
    header::{HOST, ORIGIN},
};

use crate::ApiError;

/// Refuses a change that a page of another origin asks for, or one under a name that is not this service's.
///
/// A browser says whose page asks (`Sec-Fetch-Site`, `Origin`); other programs say nothing and are let
/// through to the token. A name that leads here though it is not ours is how a page of somebody else gets
/// to speak for its own origin (DNS rebinding), so names must be listed; addresses and `localhost` need not.
pub(crate) fn check(uri: &Uri, headers: &HeaderMap, hosts: &[String]) -> Result<(), ApiError> {
    let host = match headers.get(HOST) {
        Some(host) => Some(host.to_str().map_err(|_| foreign_host())?),
        None => uri.authority().map(http::uri::Authority::as_str),
    };
    if host.is_some_and(|host| !is_ours(host, hosts)) {
        return Err(foreign_host());
    }
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| !matches!(site, b"same-origin" | b"none")) {
        return Err(other_origin());
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    match (authority, host) {
        (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(other_origin()),
    }
}

fn is_ours(host: &str, listed: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_known = |known: &str| name.eq_ignore_ascii_case(known);
    name.parse::<IpAddr>().is_ok() || is_known("localhost") || listed.iter().any(|known| is_known(known))
}

fn foreign_host() -> ApiError {
    let message = "This host name is not one of the service's; administrators list theirs.";
    ApiError::new(StatusCode::FORBIDDEN, "FOREIGN_HOST", message)
}

fn other_origin() -> ApiError {
    let message = "Pages of other origins can change nothing here.";
    ApiError::new(StatusCode::FORBIDDEN, "OTHER_ORIGIN", message)
}

#[cfg(test)]
mod tests;
