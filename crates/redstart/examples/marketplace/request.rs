//! What comes from outside, parsed before a handler sees it.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, request::Parts},
};
use redstart::{TextId, http::ApiError};
use serde::de::DeserializeOwned;

use crate::database::RecordId;

/// The id at the end of the path.
pub(crate) struct PathId(pub(crate) RecordId);

/// The postcode at the end of the path: four digits.
pub(crate) struct PathCode(pub(crate) TextId);

/// The query, in the form that the handler declares.
pub(crate) struct Asked<T>(pub(crate) T);

/// A body of JSON, whatever its content type says.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = segment(parts, state).await?.parse();
        id.map(Self).map_err(|_| ApiError::bad_request("The id must be a whole number from 1."))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathCode {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let code = segment(parts, state).await?;
        let is_code = code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit());
        let code = is_code.then(|| TextId::new(code).ok()).flatten();
        code.map(Self).ok_or_else(|| ApiError::bad_request("A postcode has four digits."))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection| ApiError::bad_request(brief(&rejection.body_text())))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "The body is too large.")
            } else {
                ApiError::bad_request("The body can't be read.")
            }
        })?;
        let body = serde_json::from_slice(&bytes);
        body.map(Self).map_err(|error| {
            ApiError::bad_request(format!("The body is not right: {}.", brief(&error.to_string())))
        })
    }
}

/// The one variable segment of the path.
async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.map(|Path(segment)| segment).map_err(|_| ApiError::bad_request("The path is not UTF-8."))
}

/// The beginning of a message that may repeat what the client sent.
fn brief(message: &str) -> String {
    message.chars().take(200).collect()
}
