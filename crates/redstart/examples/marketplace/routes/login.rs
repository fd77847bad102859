//! Logging in: slow to guess, and never telling whether an address has an account.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{StatusCode, header::CACHE_CONTROL, request::Parts},
    response::{IntoResponse as _, Response},
    routing::post,
};
use metrics::counter;
use redstart::{
    Decision, Subject,
    connection::names,
    http::{ApiError, LimitHeaders},
    ratelimit::Source,
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    database::{Account, Email, RecordId},
    passwords, policies,
    request::JsonBody,
    tokens,
};

const PATH: &str = "/api/v1/login";

/// The route of the login.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(PATH, post(login))
}

/// Where the client calls from, as a limit counts it.
pub(super) struct Origin(pub(super) Subject);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: Email,
    password: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    token: String,
    token_type: &'static str,
    expires_in: u64,
    user_id: RecordId,
}

async fn login(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    JsonBody(Credentials { email, password }): JsonBody<Credentials>,
) -> Result<Response, ApiError> {
    let policy = app.policies.or_default(policies::LOGIN.name());
    let limits = [(&policy, Subject::from(email.as_str())), (&policy, origin)];
    let decision = app.limiter.at(PATH).check_all(&limits).await;
    let limits = LimitHeaders::new(&decision, app.store.clock().now());
    if !decision.is_allowed() {
        return Ok((limits, refusal(&decision, PATH)).into_response());
    }
    let account = app.database.account(email).await?;
    let (user, hash) = account.map(|Account { user, password_hash }| (user, password_hash)).unzip();
    let is_right = passwords::is_right(password, hash).await;
    let Some(user) = user.filter(|_| is_right) else {
        let message = "There is no account with this e-mail address and password.";
        let refusal = ApiError::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS", message);
        return Ok((limits, refusal).into_response());
    };
    let session = Session {
        token: app.tokens.issue(user).ok_or_else(ApiError::internal)?,
        token_type: "Bearer",
        expires_in: tokens::LIFETIME.as_secs(),
        user_id: user,
    };
    Ok((limits, [(CACHE_CONTROL, "no-store")], Json(session)).into_response())
}

/// Refuses at an endpoint what a limit refused.
pub(super) fn refusal(decision: &Decision, endpoint: &'static str) -> ApiError {
    if decision.source() == Source::Unavailable {
        // Nobody counts the attempts, so none is made; the client has done nothing wrong.
        return ApiError::unavailable();
    }
    counter!(names::LIMIT_REJECTED, "endpoint" => endpoint).increment(1);
    ApiError::rate_limited(decision.retry_after().unwrap_or_default())
}

impl FromRequestParts<Arc<App>> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let client = app.proxies.client(parts);
        // The server always says where a connection comes from; should it not, all count as one.
        Ok(Self(client.map_or_else(|| Subject::from("unknown"), |client| Subject::from(client.ip()))))
    }
}
