//! The limits as layers: who is counted, and by what.

use std::sync::Arc;

use axum::{extract::MatchedPath, http::request::Parts};
use redstart::{
    Subject,
    http::{ClientAddress, LimitBy, RateLimitLayer},
};

use crate::{app::App, policies};

/// A layer that counts in the limiter of the service, without limits yet.
fn layer(app: &Arc<App>) -> RateLimitLayer {
    RateLimitLayer::new(&app.store).with_limiter(app.limiter.clone()).behind(app.proxies.clone())
}

/// What holds for the whole API, by client.
pub(crate) fn for_all(app: &Arc<App>) -> RateLimitLayer {
    by_client(app, policies::API.name())
}

/// A limit of one endpoint, by client.
pub(crate) fn by_client(app: &Arc<App>, name: &'static str) -> RateLimitLayer {
    layer(app).live_limit(&app.policies, name, client(app))
}

/// A limit of what only users do, by user.
pub(crate) fn by_user(app: &Arc<App>, name: &'static str) -> RateLimitLayer {
    layer(app).live_limit(&app.policies, name, user(app))
}

/// A limit by user and by address: neither a stolen login nor a crowd of made-up ones gets far.
pub(crate) fn by_user_and_address(app: &Arc<App>, name: &'static str) -> RateLimitLayer {
    by_user(app, name).live_limit(&app.policies, name, LimitBy::client_address())
}

/// The limits of endpoints that have none of their own: for each by client, and for all of them together
/// by the address of visitors and by user.
pub(crate) fn by_default(app: &Arc<App>) -> RateLimitLayer {
    let (name, clients) = (policies::DEFAULT.name(), Arc::clone(app));
    let by = LimitBy::custom(move |parts| {
        let route = parts.extensions.get::<MatchedPath>()?.as_str();
        let user = clients.tokens.user(&parts.headers).map(|user| format!("user {user}"));
        let address = || parts.extensions.get::<ClientAddress>().map(|client| client.ip().to_string());
        Some(Subject::from(format!("{route} {}", user.or_else(address).unwrap_or_default())))
    });
    layer(app)
        .live_limit(&app.policies, policies::PUBLIC.name(), visitor(app))
        .live_limit(&app.policies, policies::AUTHENTICATED.name(), user(app))
        .live_limit(&app.policies, name, by)
}

/// The limit of administration, by address: in front of the token, so that guesses count as well.
pub(crate) fn for_admins(app: &Arc<App>) -> RateLimitLayer {
    layer(app).live_limit(&app.policies, policies::ADMIN.name(), LimitBy::client_address())
}

fn user(app: &Arc<App>) -> LimitBy {
    let app = Arc::clone(app);
    LimitBy::custom(move |parts| app.tokens.user(&parts.headers).map(user_subject))
}

fn visitor(app: &Arc<App>) -> LimitBy {
    let app = Arc::clone(app);
    LimitBy::custom(
        move |parts| {
            if app.tokens.user(&parts.headers).is_some() { None } else { Some(address(parts)) }
        },
    )
}

/// Counts by the user who shows a token, and by the address of everybody else.
fn client(app: &Arc<App>) -> LimitBy {
    let app = Arc::clone(app);
    LimitBy::custom(move |parts| {
        Some(app.tokens.user(&parts.headers).map_or_else(|| address(parts), user_subject))
    })
}

fn address(parts: &Parts) -> Subject {
    // The server always says where a connection comes from; should it not, all count as one.
    let client = parts.extensions.get::<ClientAddress>();
    client.map_or_else(|| Subject::from("unknown"), |client| Subject::from(client.ip()))
}

fn user_subject(user: impl std::fmt::Display) -> Subject {
    Subject::from(format!("user {user}"))
}
