//! Flows of several steps: begun, gone through, finished once.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{post, put},
};
use redstart::{
    Codes, Sessions, TextId,
    http::ApiError,
    state::{Change, Sent, Session, SessionError, SessionId, Verdict},
};
use serde_json::{Value, json};

use super::User;
use crate::{
    answer,
    app::App,
    flows::{Flow, Kind},
    request::JsonBody,
    state,
};

/// The field that names a flow; a browser would keep it in a cookie that no script can read.
const FLOW: &str = "x-flow-id";

/// The routes of the flows.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/flows/{kind}", post(begin).get(look).delete(cancel))
        .route("/api/v1/flows/{kind}/{step}", put(go))
        .route("/api/v1/flows/{kind}/finish", post(finish).layer(state::once(app)))
}

type Answered = Result<Json<Value>, ApiError>;

async fn begin(
    State(app): State<Arc<App>>,
    User(user): User,
    Path(kind): Path<Kind>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let session = sessions(&app, kind).open_for(&user.to_string(), Flow::new(user)).await.map_err(failed)?;
    let flow = json!({ "flow": session.id().to_string(), "next": session.value().next(kind) });
    Ok((StatusCode::CREATED, Json(flow)))
}

async fn look(
    State(app): State<Arc<App>>,
    User(user): User,
    Path(kind): Path<Kind>,
    headers: HeaderMap,
) -> Answered {
    let session = own(&app, kind, user, &headers).await?;
    Ok(Json(json!({ "done": session.value().done, "next": session.value().next(kind) })))
}

async fn go(
    State(app): State<Arc<App>>,
    User(user): User,
    Path((kind, step)): Path<(Kind, String)>,
    headers: HeaderMap,
    JsonBody(brought): JsonBody<Value>,
) -> Answered {
    let mut session = own(&app, kind, user, &headers).await?;
    if !session.value().may_do(kind, &step) {
        let message =
            format!("This step is not to be done now; the next is {:?}.", session.value().next(kind));
        return Err(ApiError::new(StatusCode::CONFLICT, "WRONG_STEP", message));
    }
    if kind == Kind::Verification {
        prove(&app, session.value(), &step, &brought).await?;
    }
    session.value_mut().done.insert(step, brought);
    match sessions(&app, kind).save(&mut session).await.map_err(failed)? {
        Change::Done(()) => Ok(Json(json!({ "next": session.value().next(kind) }))),
        // Another request of the same user came between.
        Change::Conflict => {
            let message = "Another request has changed this flow. Look at it again.";
            Err(ApiError::new(StatusCode::CONFLICT, "FLOW_CHANGED", message))
        }
        Change::Gone => Err(answer::not_found()),
    }
}

async fn finish(
    State(app): State<Arc<App>>,
    User(user): User,
    Path(kind): Path<Kind>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let session = own(&app, kind, user, &headers).await?;
    if let Some(step) = session.value().next(kind) {
        let message = format!("The step {step:?} is not done yet.");
        return Err(ApiError::new(StatusCode::CONFLICT, "WRONG_STEP", message));
    }
    // Whoever ends the session is the one who finishes: of two requests at the same time one goes on.
    if !sessions(&app, kind).end(session.id()).await.map_err(failed)? {
        return Err(answer::not_found());
    }
    let activity = app.database.note(kind.name(), Some(user), None, json!(session.value().done)).await?;
    Ok((StatusCode::CREATED, Json(json!(activity))))
}

async fn cancel(
    State(app): State<Arc<App>>,
    User(user): User,
    Path(kind): Path<Kind>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let session = own(&app, kind, user, &headers).await?;
    sessions(&app, kind).end(session.id()).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a code to the address of the first step, and compares it in the second.
async fn prove(app: &App, flow: &Flow, step: &str, brought: &Value) -> Result<(), ApiError> {
    let address = if step == "address" { brought } else { &flow.done["address"] };
    let (codes, address) = addressed(app, address)?;
    if step == "address" {
        return match codes.issue(&address).await? {
            Sent::Code(code) => {
                app.outbox.send(address.as_str(), code.reveal());
                Ok(())
            }
            Sent::Wait { retry_after } => Err(ApiError::rate_limited(retry_after)),
        };
    }
    let code =
        brought["code"].as_str().ok_or_else(|| ApiError::bad_request("The body must have a `code`."))?;
    match codes.verify(&address, code).await? {
        Verdict::Verified => Ok(()),
        Verdict::Wrong { left } => {
            let message = format!("The code is wrong; {left} attempts are left.");
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "WRONG_CODE", message))
        }
        Verdict::Locked => {
            let message = "No attempts are left. Ask for another code.";
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "CODE_LOCKED", message))
        }
        Verdict::Expired => {
            let message = "There is no code. Ask for one.";
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "NO_CODE", message))
        }
    }
}

/// The address that is to be proved, and the codes of its kind.
fn addressed<'a>(app: &'a App, body: &Value) -> Result<(&'a Codes<TextId>, TextId), ApiError> {
    let of = |field: &str| body[field].as_str().and_then(|text| TextId::new(text).ok());
    match (of("email"), of("phone")) {
        (Some(email), None) => Ok((&app.state.email_codes, email)),
        (None, Some(phone)) => Ok((&app.state.phone_codes, phone)),
        _ => Err(ApiError::bad_request("The body must have an `email` or a `phone`.")),
    }
}

fn sessions(app: &App, kind: Kind) -> &Sessions<Flow> {
    match kind {
        Kind::Upload => &app.state.uploads,
        Kind::Onboarding => &app.state.onboardings,
        Kind::Payment => &app.state.payments,
        Kind::Verification => &app.state.verifications,
    }
}

/// The flow that a request names, if it is the user's own.
async fn own(
    app: &App,
    kind: Kind,
    user: crate::database::RecordId,
    headers: &HeaderMap,
) -> Result<Session<Flow>, ApiError> {
    let id = headers.get(FLOW).and_then(|id| id.to_str().ok()?.parse::<SessionId>().ok());
    let id = id.ok_or_else(|| ApiError::bad_request("The field X-Flow-Id must name a flow."))?;
    let session = sessions(app, kind).load(&id).await.map_err(failed)?;
    session.filter(|session| session.value().user == user).ok_or_else(answer::not_found)
}

fn failed(error: SessionError) -> ApiError {
    match error {
        SessionError::Unavailable(error) => error.into(),
        error => {
            tracing::error!(%error, "a flow failed");
            ApiError::internal()
        }
    }
}
