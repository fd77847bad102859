//! Payouts: several creators at once, each from one payout at a time.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use redstart::{http::ApiError, lock::LockError};
use serde::Deserialize;

use crate::{
    answer,
    app::App,
    database::{DatabaseError, Payout, RecordId},
    keys,
    request::JsonBody,
};

/// The most creators that one payout takes.
const MOST: usize = 50;

/// Whom to pay out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    creators: Vec<RecordId>,
}

/// The route of payouts.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/payouts", post(pay_out))
}

async fn pay_out(
    State(app): State<Arc<App>>,
    JsonBody(Wish { mut creators }): JsonBody<Wish>,
) -> Result<Json<Payout>, ApiError> {
    creators.sort();
    creators.dedup();
    if creators.is_empty() || MOST < creators.len() {
        return Err(ApiError::bad_request("The body must name from 1 to 50 creators."));
    }
    let locks: Vec<_> = creators.iter().map(|creator| keys::PAYOUT.key(creator)).collect();
    // Two payouts that name the same creators wait for each other, in whichever order they name them.
    let request = app.locks.all(&locks).ttl(keys::LOCK_TTL).wait(Duration::from_secs(2));
    let guard = request.acquire().await.map_err(|error| unpaid(&error))?;
    let mut fenced = Vec::with_capacity(creators.len());
    for (creator, lock) in creators.into_iter().zip(&locks) {
        let fence = guard.fence_of(lock).ok_or_else(ApiError::internal)?;
        fenced.push((creator, fence.get()));
    }
    // One transaction; each account refuses a fence before its last, so a holder that was paused here
    // and lost its locks pays nobody.
    let paid = app.database.pay_out(fenced).await;
    if let Err(error) = guard.release().await {
        tracing::debug!(%error, "the locks of a payout are given back in the background");
    }
    match paid {
        Ok(Some(payout)) => Ok(Json(payout)),
        Ok(None) => Err(answer::not_found()),
        Err(DatabaseError::Outrun) => Err(running()),
        Err(error) => Err(error.into()),
    }
}

fn unpaid(error: &LockError) -> ApiError {
    match error {
        LockError::Busy { .. } | LockError::TimedOut { .. } => running(),
        error => {
            tracing::warn!(%error, "a payout did not begin");
            ApiError::unavailable()
        }
    }
}

fn running() -> ApiError {
    let message = "One of these creators is being paid out already.";
    ApiError::new(StatusCode::CONFLICT, "PAYOUT_IN_PROGRESS", message)
}
