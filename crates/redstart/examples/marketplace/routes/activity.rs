//! What users do, each kind within its own limit.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use redstart::{
    Subject,
    http::{ApiError, LimitHeaders, SecurityHeadersLayer},
    state::OnceTokenError,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::login::Origin;
use crate::{
    app::App,
    database::{Activity, Email, RecordId},
    limits, passwords, policies,
    request::JsonBody,
    state,
};

/// The most characters of a message or a file name.
const LONGEST: usize = 1_000;
/// The states that scholarships are for.
const ELIGIBLE: [&str; 3] = ["NSW", "VIC", "QLD"];

/// The routes, each behind its limit.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let by_user = |route: MethodRouter<Arc<App>>, name| route.layer(limits::by_user(app, name));
    let by_client = |route: MethodRouter<Arc<App>>, name| route.layer(limits::by_client(app, name));
    let pay: MethodRouter<Arc<App>> =
        post(pay).layer(limits::by_user_and_address(app, policies::PAYMENT.name()));
    // In front of the limit: a repeat gets its answer and uses up nothing.
    let pay: MethodRouter<Arc<App>> = pay.layer(state::once(app));
    let sensitive = SecurityHeadersLayer::new().never_stored();
    Router::new()
        .route("/api/v1/payments", pay.layer(sensitive.clone()))
        .route("/api/v1/exports", by_user(get(export), policies::EXPORT.name()).layer(sensitive))
        .route("/api/v1/messages", by_user(post(message), policies::MESSAGE.name()))
        .route("/api/v1/bookings", by_user(post(book), policies::BOOKING.name()))
        .route("/api/v1/uploads", by_user(post(upload), policies::UPLOAD.name()))
        .route("/api/v1/interactions", by_client(post(interact), policies::INTERACTIONS.name()))
        .route("/api/v1/recommendations", by_client(get(recommend), policies::RECOMMENDATIONS.name()))
        .route("/api/v1/scholarships", by_client(get(scholarships), policies::SCHOLARSHIPS.name()))
        .route("/api/v1/eligibility/check", by_client(post(check), policies::ELIGIBILITY.name()))
        .route("/api/v1/analytics/{kind}", by_client(get(analytics), policies::ANALYTICS.name()))
        .route("/api/v1/password-resets", post(reset_password))
        .route("/api/v1/password-resets/confirm", by_client(post(set_password), policies::DEFAULT.name()))
}

/// The user who shows a token.
pub(super) struct User(pub(super) RecordId);

impl FromRequestParts<Arc<App>> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        app.tokens.user(&parts.headers).map(Self).ok_or_else(ApiError::unauthorized)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OfProduct {
    product_id: RecordId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Payment {
    amount_cents: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    name: String,
    bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForEmail {
    email: Email,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    token: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    postcode: String,
}

type Created = Result<(StatusCode, Json<Activity>), ApiError>;

async fn message(
    State(app): State<Arc<App>>,
    User(user): User,
    JsonBody(Message { text }): JsonBody<Message>,
) -> Created {
    let text = short(text, "text")?;
    created(app.database.note("message", Some(user), None, json!({ "text": text })).await?)
}

async fn book(
    State(app): State<Arc<App>>,
    User(user): User,
    JsonBody(OfProduct { product_id }): JsonBody<OfProduct>,
) -> Created {
    created(app.database.note("booking", Some(user), Some(product_id), json!({})).await?)
}

async fn pay(
    State(app): State<Arc<App>>,
    User(user): User,
    JsonBody(Payment { amount_cents }): JsonBody<Payment>,
) -> Created {
    if amount_cents == 0 {
        return Err(ApiError::bad_request("The amount must be a number of cents above zero."));
    }
    tokio::time::sleep(app.payment_time).await;
    let details = json!({ "amountCents": amount_cents });
    created(app.database.note("payment", Some(user), None, details).await?)
}

async fn upload(
    State(app): State<Arc<App>>,
    User(user): User,
    JsonBody(Upload { name, bytes }): JsonBody<Upload>,
) -> Created {
    let details = json!({ "name": short(name, "name")?, "bytes": bytes });
    created(app.database.note("upload", Some(user), None, details).await?)
}

async fn interact(
    State(app): State<Arc<App>>,
    JsonBody(OfProduct { product_id }): JsonBody<OfProduct>,
) -> Created {
    created(app.database.note("interaction", None, Some(product_id), json!({})).await?)
}

async fn export(State(app): State<Arc<App>>, User(user): User) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "activity": app.database.activity_of(user).await? })))
}

async fn recommend(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "products": app.database.tally(Some("interaction".to_owned())).await? })))
}

async fn scholarships(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "scholarships": app.database.scholarships().await? })))
}

async fn check(
    State(app): State<Arc<App>>,
    JsonBody(Where { postcode }): JsonBody<Where>,
) -> Result<Json<Value>, ApiError> {
    let state = app.database.state_of(short(postcode, "postcode")?).await?;
    let is_eligible = state.as_deref().is_some_and(|state| ELIGIBLE.contains(&state));
    Ok(Json(json!({ "isEligible": is_eligible, "state": state })))
}

async fn analytics(State(app): State<Arc<App>>, Path(kind): Path<String>) -> Result<Json<Value>, ApiError> {
    let kind = if kind == "all" { None } else { Some(short(kind, "kind")?) };
    Ok(Json(json!({ "counts": app.database.tally(kind).await? })))
}

/// Answers alike whether there is such an account or not, and limits by what only the body holds.
async fn reset_password(
    State(app): State<Arc<App>>,
    Origin(origin): Origin,
    JsonBody(ForEmail { email }): JsonBody<ForEmail>,
) -> Result<Response, ApiError> {
    let policy = app.policies.or_default(policies::PASSWORD_RESET.name());
    let limits = [(&policy, Subject::from(email.as_str())), (&policy, origin)];
    let decision = app.limiter.at("/api/v1/password-resets").check_all(&limits).await;
    let headers = LimitHeaders::new(&decision, app.store.clock().now());
    if !decision.is_allowed() {
        return Ok((headers, super::login::refusal(&decision, "/api/v1/password-resets")).into_response());
    }
    let address = email.as_str().to_owned();
    if let Some(account) = app.database.account(email).await? {
        app.database.note("password-reset", Some(account.user), None, json!({})).await?;
        let token = app.state.resets.issue_for(&account.user.to_string(), &account.user).await;
        app.outbox.send(&address, &token.map_err(unissued)?.to_string());
    }
    Ok((StatusCode::ACCEPTED, headers, ()).into_response())
}

/// Sets a new password for whoever shows the token that was sent, which is used up by it.
async fn set_password(
    State(app): State<Arc<App>>,
    JsonBody(NewPassword { token, password }): JsonBody<NewPassword>,
) -> Result<StatusCode, ApiError> {
    // Before the token is used up.
    let password = short(password, "password")?;
    let refusal =
        || ApiError::new(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", "This link is not good any more.");
    let token = token.parse().map_err(|_| refusal())?;
    let user = app.state.resets.redeem(&token).await.map_err(unissued)?.ok_or_else(refusal)?;
    let hash = passwords::hash(password).await.ok_or_else(ApiError::internal)?;
    app.database.set_password(user, hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unissued(error: OnceTokenError) -> ApiError {
    match error {
        OnceTokenError::Unavailable(error) => error.into(),
        error => {
            tracing::error!(%error, "a token failed");
            ApiError::internal()
        }
    }
}

fn created(activity: Activity) -> Created {
    Ok((StatusCode::CREATED, Json(activity)))
}

fn short(text: String, field: &str) -> Result<String, ApiError> {
    if text.trim().is_empty() || LONGEST < text.chars().count() {
        return Err(ApiError::bad_request(format!("`{field}` must have 1 to {LONGEST} characters.")));
    }
    Ok(text)
}
