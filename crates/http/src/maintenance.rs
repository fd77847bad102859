//! The layer that closes a service for maintenance.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body::Body;
use redstart_connection::BoxFuture;
use redstart_state::Flags;
use tower_layer::Layer;
use tower_service::Service;

use crate::{ApiError, ResponseBody, limit::Exempt};

/// Answers 503 with `Retry-After` while a flag is on.
///
/// The flag is looked up in this process, so an open service pays nothing for it, and while Redis is away
/// the service stays as it was. `/healthz`, `/readyz`, `/docs`, `/openapi.json` and `/metrics` stay open
/// with all below them, so that the instances are not taken for dead.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::MaintenanceLayer;
/// use redstart_keys::{Category, Entity, TextId};
/// use redstart_state::{FlagRule, Flags};
///
/// const MAINTENANCE: Entity<TextId> = Entity::new(Category::Flag, "maintenance").persistent();
///
/// let flags = Flags::new(&Store::memory(), &MAINTENANCE).with("shop", FlagRule::OFF);
/// let layer = MaintenanceLayer::new(flags, "shop").exempt("/api/admin");
/// # drop(layer);
/// ```
#[derive(Clone, Debug)]
pub struct MaintenanceLayer(Arc<Settings>);

#[derive(Clone)]
struct Settings {
    flags: Flags,
    name: &'static str,
    retry_after: Duration,
    exempt: Exempt,
    passes: Arc<dyn Fn(&Parts) -> bool + Send + Sync>,
}

impl MaintenanceLayer {
    /// A layer that closes while the flag of this name is on.
    #[must_use]
    pub fn new(flags: Flags, name: &'static str) -> Self {
        let passes = Arc::new(|_: &Parts| false);
        let retry_after = Duration::from_secs(60);
        Self(Arc::new(Settings { flags, name, retry_after, exempt: Exempt::default(), passes }))
    }

    /// When clients are told to come again. Defaults to a minute.
    #[must_use]
    pub fn retry_after(self, retry_after: Duration) -> Self {
        self.with(|settings| settings.retry_after = retry_after)
    }

    /// Keeps a path and all paths below it open as well.
    #[must_use]
    pub fn exempt(self, path: impl Into<Cow<'static, str>>) -> Self {
        self.with(|settings| settings.exempt.add(path.into()))
    }

    /// Lets some requests through, such as those of testers. Defaults to none.
    #[must_use]
    pub fn letting_through(self, passes: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.passes = Arc::new(passes))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl<S> Layer<S> for MaintenanceLayer {
    type Service = Maintained<S>;

    fn layer(&self, inner: S) -> Maintained<S> {
        Maintained { inner, settings: Arc::clone(&self.0) }
    }
}

/// The service that [`MaintenanceLayer`] makes.
#[derive(Clone, Debug)]
pub struct Maintained<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Maintained<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    S::Future: Send + 'static,
    ResB: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let settings = &self.settings;
        let is_closed = settings.flags.is_on(settings.name, None, &[])
            && !settings.exempt.spares(&parts)
            && !(settings.passes)(&parts);
        if is_closed {
            let refusal = settings.refusal();
            return Box::pin(async move { Ok(refusal.into_http()) });
        }
        let answer = self.inner.call(Request::from_parts(parts, body));
        Box::pin(async move { Ok(answer.await?.map(ResponseBody::Inner)) })
    }
}

impl Settings {
    fn refusal(&self) -> ApiError {
        let message = "The service is closed for maintenance.";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "MAINTENANCE", message)
            .with_retry_after(self.retry_after)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Settings({}, {:?})", self.name, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Full;
    use redstart_connection::Store;
    use redstart_keys::{Category, Entity, TextId};
    use redstart_state::FlagRule;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    const MAINTENANCE: Entity<TextId> = Entity::new(Category::Flag, "maintenance").persistent();

    async fn get(layer: &MaintenanceLayer, path: &str, tester: bool) -> Response<()> {
        let service =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
        let mut request = Request::get(path).body(()).unwrap();
        if tester {
            request.headers_mut().insert("x-tester", http::HeaderValue::from_static("1"));
        }
        layer.layer(service).oneshot(request).await.unwrap().map(drop)
    }

    #[tokio::test]
    async fn service_is_closed_while_the_flag_is_on_and_its_health_is_not() {
        let flags = Flags::new(&Store::memory(), &MAINTENANCE).with("shop", FlagRule::OFF);
        let layer = MaintenanceLayer::new(flags.clone(), "shop")
            .retry_after(Duration::from_secs(90))
            .exempt("/api/admin")
            .letting_through(|parts| parts.headers.contains_key("x-tester"));
        assert_eq!(get(&layer, "/", false).await.status(), StatusCode::OK);
        flags.set("shop", &FlagRule::ON).await.unwrap();
        let closed = get(&layer, "/", false).await;
        assert_eq!(
            (closed.status(), &closed.headers()["retry-after"]),
            (StatusCode::SERVICE_UNAVAILABLE, &http::HeaderValue::from_static("90"))
        );
        for path in ["/healthz", "/readyz", "/metrics", "/api/admin/flags"] {
            assert_eq!(get(&layer, path, false).await.status(), StatusCode::OK, "{path}");
        }
        assert_eq!(get(&layer, "/", true).await.status(), StatusCode::OK);
        flags.set("shop", &FlagRule::OFF).await.unwrap();
        assert_eq!(get(&layer, "/", false).await.status(), StatusCode::OK);
    }
}
