//! How often something was looked at, downloaded, called.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::Response,
    routing::{get, post},
};
use redstart::{TextId, http::ApiError};
use serde_json::{Value, json};

use super::User;
use crate::{answer, app::App, request::PathId, state};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Who asks, as far as visitors are told apart: where the client calls from.
pub(super) struct Visitor(pub(super) String);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let client = app.proxies.client(parts);
        Ok(Self(client.map_or_else(|| "unknown".to_owned(), |client| client.ip().to_string())))
    }
}

/// The routes of the counts, and of what is counted.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/products/{id}/views", get(views))
        .route("/api/v1/popular", get(popular))
        .route("/api/v1/assets/{id}/download-tokens", post(token))
        .route("/api/v1/downloads", get(download).layer(state::one_download(app)))
}

/// Counts the calls of each route.
pub(super) async fn count_calls(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str);
    if let Ok(route) = TextId::new(route) {
        app.state.calls.add(&route, 1);
    }
    next.run(request).await
}

async fn views(State(app): State<Arc<App>>, PathId(id): PathId) -> Result<Json<Value>, ApiError> {
    let (views, visitors) = (&app.state.views, &app.state.visitors);
    Ok(Json(json!({
        "lastHour": views.total(&id, HOUR).await?,
        "lastDay": views.total(&id, DAY).await?,
        "visitors": visitors.count(&id, DAY).await?,
        "downloads": app.state.downloads.total(&id, DAY).await?,
    })))
}

async fn popular(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let of = |top: Vec<(String, u64)>| -> Vec<Value> {
        top.into_iter().map(|(name, count)| json!({ "name": name, "count": count })).collect()
    };
    let (products, routes) = (app.state.views.top(10, DAY).await?, app.state.calls.top(10, DAY).await?);
    Ok(Json(json!({ "products": of(products), "routes": of(routes) })))
}

async fn token(
    State(app): State<Arc<App>>,
    User(user): User,
    PathId(asset): PathId,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let token = app.tokens.issue_download(user, asset).ok_or_else(ApiError::internal)?;
    Ok((StatusCode::CREATED, Json(json!({ "token": token }))))
}

/// The guard before this has taken note of the token: no other request gets here with it.
async fn download(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let asset = app.tokens.download(&headers).ok_or_else(answer::not_found)?;
    app.state.downloads.add(&asset, 1);
    Ok(Json(json!({ "asset": asset })))
}
