//! The rate limit layer.

mod by;
mod exempt;
mod headers;

use std::{
    borrow::Cow,
    fmt,
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Request, Response, header::CONTENT_TYPE, request::Parts};
use http_body::Body;
use redstart_connection::{BoxFuture, Clock, Store, names};
use redstart_ratelimit::{Decision, Limiter, LivePolicies, Policy, Source, Subject};
use tower_layer::Layer;
use tower_service::Service;

use crate::{ApiError, ResponseBody, TrustedProxies};
pub use by::LimitBy;
pub(crate) use exempt::Exempt;
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
/// has done nothing wrong. A gRPC call is refused in the way of gRPC, with `RESOURCE_EXHAUSTED` or
/// `UNAVAILABLE`.
///
/// It belongs behind the layers that give trace ids and times, and in front of those that cost much: of
/// authentication only where a limit counts by the user, since then that must be known before.
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
    limits: Vec<(Stated, LimitBy)>,
    proxies: TrustedProxies,
    exempt: Exempt,
    cost: Cost,
    standard_fields: bool,
    problems: bool,
}

/// Where a policy is stated.
#[derive(Clone, Debug)]
enum Stated {
    Once(Policy),
    Live(LivePolicies, &'static str),
}

impl Stated {
    fn policy(&self) -> Policy {
        match self {
            Self::Once(policy) => *policy,
            Self::Live(policies, name) => policies.or_default(name),
        }
    }
}

/// How much a request is charged.
#[derive(Clone)]
struct Cost(Arc<dyn Fn(&Parts) -> u32 + Send + Sync>);

impl fmt::Debug for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cost")
    }
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
            cost: Cost(Arc::new(|_| 1)),
            standard_fields: true,
            problems: false,
        }))
    }

    /// Adds a limit.
    #[must_use]
    pub fn limit(self, policy: Policy, by: LimitBy) -> Self {
        self.with(|settings| settings.limits.push((Stated::Once(policy), by)))
    }

    /// Adds a limit that is looked up by its name for each request, so that it may change meanwhile.
    #[must_use]
    pub fn live_limit(self, policies: &LivePolicies, name: &'static str, by: LimitBy) -> Self {
        self.with(|settings| settings.limits.push((Stated::Live(policies.clone(), name), by)))
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

    /// Charges this much for a request; one that costs nothing is not limited. Defaults to 1.
    #[must_use]
    pub fn cost(self, cost: impl Fn(&Parts) -> u32 + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.cost = Cost(Arc::new(cost)))
    }

    /// Refuses with problem details (RFC 9457) that name the violated policies, see
    /// [`ApiError::as_problem`]. Defaults to the envelope of [`ApiError`].
    #[must_use]
    pub fn with_problem_bodies(self) -> Self {
        self.with(|settings| settings.problems = true)
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
        let cost = NonZeroU32::new((settings.cost.0)(&parts));
        Box::pin(async move {
            let endpoint = endpoint(&parts.extensions);
            let Some(decision) = settings.decide(&endpoint, &subjects, cost).await else {
                let response = inner.call(Request::from_parts(parts, body)).await?;
                return Ok(response.map(ResponseBody::Inner));
            };
            let headers = settings.headers(&decision);
            let mut response = if decision.is_allowed() {
                inner.call(Request::from_parts(parts, body)).await?.map(ResponseBody::Inner)
            } else {
                let refusal = settings.refusal(&decision, &endpoint);
                if is_grpc(&parts.headers) { refusal.into_grpc() } else { refusal.into_http() }
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

    async fn decide(
        &self,
        endpoint: &Arc<str>,
        subjects: &[(usize, Subject)],
        cost: Option<NonZeroU32>,
    ) -> Option<Decision> {
        let (cost, limiter) = (cost?, self.limiter.at(Arc::clone(endpoint)));
        let policy = |place: usize| self.limits.get(place).map(|(stated, _)| stated.policy());
        match subjects {
            [] => None,
            [(place, subject)] => {
                Some(limiter.check_cost(&policy(*place)?, subject.clone(), cost.get()).await)
            }
            several => {
                let stated: Option<Vec<Policy>> = several.iter().map(|(place, _)| policy(*place)).collect();
                let stated = stated?;
                let subjects = several.iter().map(|(_, subject)| subject.clone());
                let limits: Vec<(&Policy, Subject)> = stated.iter().zip(subjects).collect();
                Some(limiter.check_all_cost(&limits, cost).await)
            }
        }
    }

    fn headers(&self, decision: &Decision) -> LimitHeaders {
        let headers = LimitHeaders::new(decision, self.clock.now());
        if self.standard_fields { headers } else { headers.without_standard_fields() }
    }

    fn refusal(&self, decision: &Decision, endpoint: &str) -> ApiError {
        let (policy, source) = (decision.refused_by().unwrap_or_default(), decision.source());
        tracing::debug!(%endpoint, policy, source = source.name(), "a rate limit refused a request");
        let error = if source == Source::Unavailable {
            ApiError::unavailable()
        } else {
            metrics::counter!(names::LIMIT_REJECTED, "endpoint" => endpoint.to_owned()).increment(1);
            ApiError::rate_limited(wait(decision))
        };
        let error = error.at(self.clock.now());
        if self.problems { error.as_problem(violated(decision)) } else { error }
    }
}

/// The policies that refused.
fn violated(decision: &Decision) -> Vec<&'static str> {
    let culprit = decision.refused_by();
    let refused = decision
        .limits()
        .iter()
        .filter(|limit| !limit.is_on_trial && (limit.retry_after.is_some() || Some(limit.policy) == culprit));
    let mut policies: Vec<_> = refused.map(|limit| limit.policy).collect();
    policies.dedup();
    policies
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// When a refused request may come again; what never will be admitted is sent away for the whole period.
fn wait(decision: &Decision) -> Duration {
    let windows = decision.limits().iter().filter(|limit| Some(limit.policy) == decision.refused_by());
    decision.retry_after().or_else(|| windows.map(|limit| limit.window).max()).unwrap_or_default()
}

/// The route, and never the raw path: anybody may make up paths, and each would be a metric.
#[cfg(feature = "axum")]
pub(crate) fn endpoint(extensions: &Extensions) -> Arc<str> {
    extensions.get::<axum::extract::MatchedPath>().map_or("other", |path| path.as_str()).into()
}

#[cfg(not(feature = "axum"))]
pub(crate) fn endpoint(_: &Extensions) -> Arc<str> {
    "other".into()
}

#[cfg(test)]
mod tests;
