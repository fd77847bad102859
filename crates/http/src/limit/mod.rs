//! The rate limit layer.

mod by;
mod exempt;
mod headers;

use std::{
    borrow::Cow,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, Request, Response, request::Parts};
use http_body::Body;
use redstart_connection::{BoxFuture, Clock, Store, names};
use redstart_ratelimit::{Decision, Limiter, Policy, Source, Subject};
use tower_layer::Layer;
use tower_service::Service;

use crate::{ApiError, ResponseBody, TrustedProxies};
pub use by::LimitBy;
use exempt::Exempt;
pub use headers::LimitHeaders;

/// Admits requests within limits, and refuses the rest with 429.
///
/// Each limit is a policy and what it is counted [by](LimitBy); one that has nothing to count by, such
/// as the user of an anonymous request, does not apply. All that apply are charged together or not at
/// all, in one round trip. Every answer that was limited says what is left, see [`LimitHeaders`].
///
/// Preflights and `/healthz`, `/readyz`, `/docs`, `/openapi.json` and `/metrics` with all below them
/// are exempt.
///
/// When the store does not answer and a policy then denies, the answer is 503 and not 429: the client
/// has done nothing wrong.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::{LimitBy, RateLimitLayer, TrustedProxies};
/// use redstart_ratelimit::{Policy, Subject};
///
/// struct User(u64);
///
/// const PUBLIC: Policy = Policy::per_minute("public", 60);
/// const MEMBERS: Policy = Policy::per_minute("members", 120);
///
/// let layer = RateLimitLayer::new(&Store::memory())
///     .behind("private".parse::<TrustedProxies>()?)
///     .limit(PUBLIC, LimitBy::client_address())
///     .limit(MEMBERS, LimitBy::extension(|user: &User| Subject::from(user.0)));
/// # drop(layer);
/// # Ok::<(), redstart_http::InvalidProxies>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateLimitLayer(Arc<Settings>);

#[derive(Clone, Debug)]
struct Settings {
    limiter: Limiter,
    clock: Clock,
    limits: Vec<(Policy, LimitBy)>,
    proxies: TrustedProxies,
    exempt: Exempt,
    standard_fields: bool,
}

impl RateLimitLayer {
    /// A layer without limits that counts in `store`.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self(Arc::new(Settings {
            limiter: Limiter::new(store.clone()),
            clock: store.clock().clone(),
            limits: Vec::new(),
            proxies: TrustedProxies::none(),
            exempt: Exempt::default(),
            standard_fields: true,
        }))
    }

    /// Adds a limit.
    #[must_use]
    pub fn limit(self, policy: Policy, by: LimitBy) -> Self {
        self.with(|settings| settings.limits.push((policy, by)))
    }

    /// Believes these proxies about the client's address. Defaults to none.
    #[must_use]
    pub fn behind(self, proxies: TrustedProxies) -> Self {
        self.with(|settings| settings.proxies = proxies)
    }

    /// Decides with this limiter, so that an outage is counted together with the handlers' own checks.
    #[must_use]
    pub fn with_limiter(self, limiter: Limiter) -> Self {
        self.with(|settings| settings.limiter = limiter)
    }

    /// Exempts a path and all paths below it as well.
    #[must_use]
    pub fn exempt(self, path: impl Into<Cow<'static, str>>) -> Self {
        self.with(|settings| settings.exempt.add(path.into()))
    }

    /// Leaves out the fields `RateLimit` and `RateLimit-Policy`, whose standard is still a draft.
    #[must_use]
    pub fn without_standard_fields(self) -> Self {
        self.with(|settings| settings.standard_fields = false)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { inner, settings: Arc::clone(&self.0) }
    }
}

/// The service that [`RateLimitLayer`] makes.
#[derive(Clone, Debug)]
pub struct RateLimit<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for RateLimit<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone + Send + 'static,
    S::Future: Send,
    ReqB: Send + 'static,
    ResB: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        // The service that was polled ready is the one to call; the clone stays for the next request.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let settings = Arc::clone(&self.settings);
        let (mut parts, body) = request.into_parts();
        let subjects = settings.subjects(&mut parts);
        Box::pin(async move {
            let Some(decision) = settings.decide(&subjects).await else {
                let response = inner.call(Request::from_parts(parts, body)).await?;
                return Ok(response.map(ResponseBody::Inner));
            };
            let headers = settings.headers(&decision);
            let mut response = if decision.is_allowed() {
                inner.call(Request::from_parts(parts, body)).await?.map(ResponseBody::Inner)
            } else {
                settings.refusal(&decision, &parts.extensions).into_http()
            };
            headers.apply(response.headers_mut());
            Ok(response)
        })
    }
}

impl Settings {
    /// The places of the limits that apply, each with its subject.
    fn subjects(&self, parts: &mut Parts) -> Vec<(usize, Subject)> {
        if self.exempt.spares(parts) {
            return Vec::new();
        }
        if let Some(client) = self.proxies.client(parts) {
            parts.extensions.insert(client);
        }
        let limits = self.limits.iter().enumerate();
        limits.filter_map(|(place, (_, by))| Some((place, by.subject(parts)?))).collect()
    }

    async fn decide(&self, subjects: &[(usize, Subject)]) -> Option<Decision> {
        let policy = |place: usize| self.limits.get(place).map(|(policy, _)| policy);
        match subjects {
            [] => None,
            [(place, subject)] => Some(self.limiter.check(policy(*place)?, subject.clone()).await),
            several => {
                let limits =
                    several.iter().filter_map(|(place, subject)| Some((policy(*place)?, subject.clone())));
                Some(self.limiter.check_all(&limits.collect::<Vec<_>>()).await)
            }
        }
    }

    fn headers(&self, decision: &Decision) -> LimitHeaders {
        let headers = LimitHeaders::new(decision, self.clock.now());
        if self.standard_fields { headers } else { headers.without_standard_fields() }
    }

    fn refusal(&self, decision: &Decision, extensions: &Extensions) -> ApiError {
        let endpoint = endpoint(extensions);
        let policy = decision.refused_by().unwrap_or_default();
        let source = decision.source();
        tracing::debug!(%endpoint, policy, source = source.name(), "a rate limit refused a request");
        if source == Source::Unavailable {
            return ApiError::unavailable().at(self.clock.now());
        }
        metrics::counter!(names::LIMIT_REJECTED, "endpoint" => endpoint).increment(1);
        ApiError::rate_limited(wait(decision)).at(self.clock.now())
    }
}

/// When a refused request may come again; what never will be admitted is sent away for the whole period.
fn wait(decision: &Decision) -> Duration {
    let windows = decision.limits().iter().filter(|limit| Some(limit.policy) == decision.refused_by());
    decision.retry_after().or_else(|| windows.map(|limit| limit.window).max()).unwrap_or_default()
}

/// The route, and never the raw path: anybody may make up paths, and each would be a metric.
#[cfg(feature = "axum")]
fn endpoint(extensions: &Extensions) -> String {
    let matched = extensions.get::<axum::extract::MatchedPath>();
    matched.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned())
}

#[cfg(not(feature = "axum"))]
fn endpoint(_: &Extensions) -> String {
    "other".to_owned()
}

#[cfg(test)]
mod tests;
