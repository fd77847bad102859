//! Asset processing: so many of a project at a time.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use redstart::{http::ApiError, lock::LockError};
use serde::Serialize;
use tokio::time;

use crate::{
    answer,
    app::App,
    database::{Asset, RecordId},
    keys,
    request::PathId,
};

/// How many assets of a project are converted at the same time, in all instances together.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// What was done.
#[derive(Debug, Serialize)]
struct Processed {
    id: RecordId,
}

/// The route of asset processing.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/api/v1/assets/{id}/process", post(process))
}

async fn process(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Json<Processed>, ApiError> {
    let asset: Asset = app.database.find(id).await?.ok_or_else(answer::not_found)?;
    let permit = keys::ASSET_PROCESSING.key(&asset.project());
    let request = app.locks.permit(&permit, AT_ONCE).ttl(keys::LOCK_TTL).wait(Duration::ZERO);
    // Stands for the converter. Should the permit be lost meanwhile, the work ends here.
    let converted = request.with(|_| time::sleep(app.processing_time));
    match converted.await {
        Ok(()) => Ok(Json(Processed { id })),
        Err(LockError::Busy { .. }) => {
            let message = "Enough assets of this project are being converted. Try again later.";
            Err(ApiError::new(StatusCode::CONFLICT, "CONVERTERS_BUSY", message)
                .with_retry_after(Duration::from_secs(1)))
        }
        Err(error) => {
            tracing::warn!(%error, asset = %id, "an asset was not converted");
            Err(ApiError::unavailable())
        }
    }
}
