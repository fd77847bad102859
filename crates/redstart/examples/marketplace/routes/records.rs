//! Users, creators, brands, projects, assets and licences: read by everybody, changed by PATCH.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use redstart::http::ApiError;

use crate::{
    answer,
    app::App,
    caches::Kept,
    database::{Asset, Brand, Changes as _, Creator, License, Project, User},
    request::{JsonBody, PathId},
};

/// The routes of the six kinds.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .merge(of_kind::<User>())
        .merge(of_kind::<Creator>())
        .merge(of_kind::<Brand>())
        .merge(of_kind::<Project>())
        .merge(of_kind::<Asset>())
        .merge(of_kind::<License>())
}

fn of_kind<R: Kept>() -> Router<Arc<App>> {
    Router::new().route(&format!("/api/v1/{}/{{id}}", R::TABLE), get(read::<R>).patch(change::<R>))
}

async fn read<R: Kept>(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Response, ApiError> {
    let record = R::cache(&app.caches).get_or_load(&id, || app.database.find(id)).await;
    answer::cached(record)
}

async fn change<R: Kept>(
    State(app): State<Arc<App>>,
    PathId(id): PathId,
    JsonBody(changes): JsonBody<R::Changes>,
) -> Result<Response, ApiError> {
    if changes.is_empty() {
        return Err(ApiError::bad_request("The body must say what to change."));
    }
    let changing = Arc::clone(&app);
    let change = async move {
        let App { database, caches, .. } = &*changing;
        let record = database.change::<R>(id, changes).await?.ok_or_else(answer::not_found)?;
        // After the change, never before: a load that ran in between would bring the old value back.
        let dependents = R::dependents(database, id).await?;
        caches.forget::<R>(id, &dependents).await.map_err(|error| answer::unheard(&error))?;
        Ok(Json(record).into_response())
    };
    app.finish(change).await
}
