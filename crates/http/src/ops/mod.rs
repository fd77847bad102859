//! Endpoints for those who run the service.

mod admin;
mod alerts;
mod dashboard;
mod forget;
mod guard;
mod health;
mod live;
mod openapi;
mod snapshot;
mod warm;

use std::{
    fmt,
    hash::Hash,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use redstart_cache::{Cache, Warmer};
use redstart_connection::Store;
use redstart_keys::Id;
use redstart_monitor::{Alerts, Monitor};
use redstart_ratelimit::Violations;
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    admin::admin_router, alerts::alerts_router, dashboard::dashboard_router, guard::guarded,
    health::health_router, openapi::openapi,
};
use self::{forget::Forget, live::Live, warm::Warming};

/// What the endpoints look at.
#[derive(Clone)]
pub struct OpsState(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    monitor: Monitor,
    #[cfg(feature = "prometheus")]
    exposition: Option<redstart_monitor::Exposition>,
    violations: Option<Violations>,
    coordination: Option<Monitor>,
    caches: Vec<Arc<dyn Forget>>,
    live: Live,
    alerts: Option<Alerts>,
    ready_alone: bool,
    is_warm: Option<Arc<AtomicBool>>,
    warming: Option<Warming>,
    sweeping: Arc<AtomicBool>,
}

impl OpsState {
    /// Looks at the store of `monitor`.
    #[must_use]
    pub fn new(monitor: Monitor) -> Self {
        Self(Arc::new(Inner {
            monitor,
            #[cfg(feature = "prometheus")]
            exposition: None,
            violations: None,
            coordination: None,
            caches: Vec::new(),
            live: Live::default(),
            alerts: None,
            ready_alone: false,
            is_warm: None,
            warming: None,
            sweeping: Arc::default(),
        }))
    }

    /// Answers `/metrics` with everything that was recorded, and not only with what the monitor samples.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn with_exposition(self, exposition: redstart_monitor::Exposition) -> Self {
        self.with(|inner| inner.exposition = Some(exposition))
    }

    /// Shows administrators who ran into the limits of this limiter.
    #[must_use]
    pub fn with_violations(self, violations: &Violations) -> Self {
        self.with(|inner| inner.violations = Some(violations.clone()))
    }

    /// Shows the locks of another store, where they are not kept beside the caches.
    #[must_use]
    pub fn with_coordination(self, monitor: Monitor) -> Self {
        self.with(|inner| inner.coordination = Some(monitor))
    }

    /// Lets administrators forget single entries and tags of this cache, and not only patterns of keys.
    #[must_use]
    pub fn with_cache<K, V>(self, cache: &Cache<K, V>) -> Self
    where
        K: Id + Clone + Eq + FromStr + Hash + Send + Sync + 'static,
        V: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        self.with(|inner| inner.caches.push(Arc::new(cache.clone())))
    }

    /// Ends the live streams of the page, so that a server that waits for its connections can end.
    pub fn end_live(&self) {
        self.0.live.end();
    }

    /// Answers `/api/health/redis-alerts` with what these alerts say, and not only with what is wrong now.
    #[must_use]
    pub fn with_alerts(self, alerts: &Alerts) -> Self {
        self.with(|inner| inner.alerts = Some(alerts.clone()))
    }

    /// Says ready even while Redis does not answer, for services that go on without it.
    #[must_use]
    pub fn ready_without_redis(self) -> Self {
        self.with(|inner| inner.ready_alone = true)
    }

    /// Says that it is not ready until `is_warm` is set, for services that warm their caches first.
    #[must_use]
    pub fn ready_when_warm(self, is_warm: &Arc<AtomicBool>) -> Self {
        self.with(|inner| inner.is_warm = Some(Arc::clone(is_warm)))
    }

    /// Lets administrators warm the caches of this service, as `redstart keys warm` does.
    #[must_use]
    pub fn with_warmer(self, warmer: &Warmer) -> Self {
        self.with(|inner| inner.warming = Some(Warming::new(warmer)))
    }

    fn warming(&self) -> Option<&Warming> {
        self.0.warming.as_ref()
    }

    fn is_warm(&self) -> bool {
        self.0.is_warm.as_ref().is_none_or(|is_warm| is_warm.load(Ordering::Acquire))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    fn monitor(&self) -> &Monitor {
        &self.0.monitor
    }

    /// Looks at the store of the locks.
    fn coordination(&self) -> &Monitor {
        self.0.coordination.as_ref().unwrap_or(&self.0.monitor)
    }

    fn store(&self) -> &Store {
        self.0.monitor.store()
    }

    async fn metrics(&self) -> String {
        #[cfg(feature = "prometheus")]
        if let Some(exposition) = &self.0.exposition {
            return exposition.render().await;
        }
        self.0.monitor.sampled_text().await
    }

    /// The right to sweep, which one request at a time has.
    fn begin_sweep(&self) -> Option<Sweeping> {
        let taken = self.0.sweeping.swap(true, Ordering::AcqRel);
        (!taken).then(|| Sweeping(Arc::clone(&self.0.sweeping)))
    }
}

impl fmt::Debug for OpsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpsState").field("monitor", &self.0.monitor).finish_non_exhaustive()
    }
}

/// Held while a sweep runs.
struct Sweeping(Arc<AtomicBool>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// JSON that no cache keeps.
fn json(status: StatusCode, value: &impl Serialize) -> Response {
    uncached((status, Json(value)).into_response())
}

fn text(content_type: &'static str, text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    uncached(response)
}

fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
