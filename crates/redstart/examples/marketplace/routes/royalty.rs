//! Royalty runs: paid once, by one at a time.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use redstart::{http::ApiError, lock::LockError};
use tokio::time;

use crate::{
    answer,
    app::App,
    database::{DatabaseError, Payment},
    keys,
    request::PathId,
};

/// The route of royalty runs.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/royalty-runs/{id}", post(run))
}

async fn run(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Json<Payment>, ApiError> {
    if !app.database.has_royalty_run(id).await? {
        return Err(answer::not_found());
    }
    let lock = app.locks.lock(&keys::ROYALTY_RUN.key(&id)).ttl(keys::LOCK_TTL).wait(Duration::ZERO);
    let paid = lock.with(|lease| {
        let app = &app;
        async move {
            // Stands for the bank. Should the lock be lost meanwhile, the work ends here.
            time::sleep(app.royalty_time).await;
            app.database.pay_royalties(id, lease.fence().get()).await
        }
    });
    match paid.await {
        Ok(Ok(Some(payment))) => Ok(Json(payment)),
        Ok(Ok(None)) => Err(answer::not_found()),
        Ok(Err(DatabaseError::Outrun)) => Err(running()),
        Ok(Err(error)) => Err(error.into()),
        Err(LockError::Busy { .. }) => Err(running()),
        Err(error) => {
            tracing::warn!(%error, run = %id, "a royalty run did not finish");
            Err(ApiError::unavailable())
        }
    }
}

fn running() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "RUN_IN_PROGRESS", "This royalty run is being paid already.")
}
