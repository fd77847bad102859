//! Postcodes: looked up and validated.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use redstart::{
    Cached, TextId,
    cache::{LoadError, Loaded},
    http::{ApiError, CacheHeaders},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    answer,
    app::App,
    database::{self, DatabaseError, Postcode},
    request::PathCode,
};

type Found = Result<Option<Cached<Postcode>>, LoadError<DatabaseError>>;

/// The routes of postcodes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/postcodes/{code}", get(read))
        .route("/api/v1/postcodes/{code}/validity", get(validate))
}

/// A postcode; for a code that nobody knows the one that represents its state.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(flatten)]
    postcode: &'a Postcode,
    is_representative: bool,
}

async fn read(State(app): State<Arc<App>>, PathCode(code): PathCode) -> Result<Response, ApiError> {
    let mut found = find(&app, &code).await.map_err(answer::unloaded)?;
    let is_representative = found.is_none();
    let representative = database::State::of_code(&code).and_then(database::State::representative);
    if let (None, Some(representative)) = (&found, representative) {
        found = find(&app, &representative).await.map_err(answer::unloaded)?;
    }
    let Some(postcode) = found else {
        return Ok((CacheHeaders::miss(), answer::not_found()).into_response());
    };
    let headers = CacheHeaders::of(&postcode).named("marketplace").public();
    Ok((headers, Json(Answer { postcode: &postcode, is_representative })).into_response())
}

async fn validate(State(app): State<Arc<App>>, PathCode(code): PathCode) -> Result<Response, ApiError> {
    let found = find(&app, &code).await.map_err(answer::unloaded)?;
    let state = found.as_ref().map(|postcode| postcode.state()).or_else(|| database::State::of_code(&code));
    let headers = found.as_ref().map_or(CacheHeaders::miss(), CacheHeaders::of);
    let value = json!({ "code": code.as_str(), "isValid": found.is_some(), "state": state });
    Ok((headers, Json(value)).into_response())
}

async fn find(app: &App, code: &TextId) -> Found {
    let load = || async {
        let found = app.database.postcode(code.clone()).await?;
        Ok::<_, DatabaseError>(found.map_or_else(Loaded::absent, tagged))
    };
    app.caches.postcodes.get_or_load(code, load).await
}

/// A postcode with the tag of its state.
pub(crate) fn tagged(postcode: Postcode) -> Loaded<Postcode> {
    let tag = postcode.state().tag();
    tag.into_iter().fold(Loaded::new(postcode), Loaded::tag)
}
