//! Answers that handlers share.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use redstart::{
    Cached, Error,
    cache::LoadError,
    http::{ApiError, CacheHeaders},
};
use serde::Serialize;

use crate::database::DatabaseError;

/// What a cache answered, with the headers that say so; 404 when there is nothing.
pub(crate) fn cached<V: Serialize>(
    value: Result<Option<Cached<V>>, LoadError<DatabaseError>>,
) -> Result<Response, ApiError> {
    Ok(match value.map_err(unloaded)? {
        Some(value) => (CacheHeaders::of(&value).named("marketplace"), Json(&*value)).into_response(),
        None => (CacheHeaders::miss(), not_found()).into_response(),
    })
}

/// There is no such thing.
pub(crate) fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing here.")
}

/// The loader of a cache failed.
pub(crate) fn unloaded(error: LoadError<DatabaseError>) -> ApiError {
    match error {
        LoadError::Load(error) => failed(&error),
        error => {
            tracing::error!(%error, "a record could not be loaded");
            ApiError::internal()
        }
    }
}

/// The change is made, but not every cache has heard of it.
pub(crate) fn unheard(error: &Error) -> ApiError {
    tracing::warn!(%error, "a change did not reach the caches");
    let message = "The change is stored, but the old value may still be shown. Send it again.";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "CACHE_UNAVAILABLE", message)
        .with_retry_after(Duration::from_secs(1))
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        failed(&error)
    }
}

fn failed(error: &DatabaseError) -> ApiError {
    match error {
        DatabaseError::Conflict => {
            ApiError::new(StatusCode::CONFLICT, "CONFLICT", "The value belongs to another record.")
        }
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "the database failed a request");
            ApiError::internal()
        }
    }
}
