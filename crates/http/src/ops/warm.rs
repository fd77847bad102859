//! Warming on demand.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{extract::State, response::Response};
use http::StatusCode;
use redstart_cache::{WarmProgress, WarmReport, WarmRun, Warmer};
use serde::Serialize;
use utoipa::ToSchema;

use super::{OpsState, json as answer};
use crate::ApiError;

/// The warmer of a service, and the warming that was begun last.
#[derive(Clone)]
pub(super) struct Warming {
    warmer: Warmer,
    run: Arc<Mutex<Option<WarmRun>>>,
}

/// How far the last warming is, and what it has done.
#[derive(Serialize, ToSchema)]
pub(super) struct LastWarming {
    /// None before the first.
    #[schema(value_type = Option<Object>)]
    progress: Option<WarmProgress>,
    /// None before its end.
    #[schema(value_type = Option<Object>)]
    report: Option<WarmReport>,
}

impl Warming {
    pub(super) fn new(warmer: &Warmer) -> Self {
        Self { warmer: warmer.clone(), run: Arc::default() }
    }

    /// Begins a warming, unless one is under way.
    fn begin(&self) -> Option<WarmRun> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.as_ref().is_some_and(|run| !run.progress().is_done) {
            return None;
        }
        Some(run.insert(self.warmer.start()).clone())
    }

    fn last(&self) -> Option<WarmRun> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LastWarming {
    async fn of(run: Option<WarmRun>) -> Self {
        let progress = run.as_ref().map(WarmRun::progress);
        let report = match run.filter(|run| run.progress().is_done) {
            Some(run) => run.report().await,
            None => None,
        };
        Self { progress, report }
    }
}

/// How far the last warming is, and what it has done.
#[utoipa::path(
    get, path = "/api/admin/redis/warm", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, description = "The warming", body = LastWarming),
        (status = 401, description = "No token"),
        (status = 404, description = "This service has no warmer"),
    )
)]
pub(super) async fn last_warming(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let warming = state.warming().ok_or_else(missing)?;
    Ok(answer(StatusCode::OK, &LastWarming::of(warming.last()).await))
}

/// Warms the caches of the service in the background.
#[utoipa::path(
    post, path = "/api/admin/redis/warm", tag = "admin", security(("token" = [])),
    responses(
        (status = 202, description = "It has begun", body = LastWarming),
        (status = 401, description = "No token"),
        (status = 404, description = "This service has no warmer"),
        (status = 409, description = "A warming is under way", body = LastWarming),
    )
)]
pub(super) async fn warm(State(state): State<OpsState>) -> Result<Response, ApiError> {
    let warming = state.warming().ok_or_else(missing)?;
    let begun = warming.begin();
    let status = if begun.is_some() { StatusCode::ACCEPTED } else { StatusCode::CONFLICT };
    Ok(answer(status, &LastWarming::of(begun.or_else(|| warming.last())).await))
}

fn missing() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", "No caches are warmed here.")
}
