//! Headers that tell browsers to be careful.

use std::task::{Context, Poll};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use redstart_connection::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

/// Adds `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy` and `Content-Security-Policy`.
///
/// What a handler has said stays. The policy of contents allows nothing, which fits answers of an API;
/// a handler that serves pages says its own.
///
/// ```
/// use redstart_http::SecurityHeadersLayer;
/// use tower::{ServiceBuilder, ServiceExt as _, service_fn};
///
/// # use std::convert::Infallible;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Infallible> {
/// let account = service_fn(async |_: http::Request<()>| {
///     Ok::<_, Infallible>(http::Response::new(String::from("balance: 12")))
/// });
/// let layer = SecurityHeadersLayer::new().never_stored();
/// let response = ServiceBuilder::new().layer(layer).service(account).oneshot(http::Request::default()).await?;
/// assert_eq!(response.headers()["cache-control"], "no-store");
/// assert_eq!(response.headers()["x-content-type-options"], "nosniff");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SecurityHeadersLayer {
    cache: Option<HeaderValue>,
    transport: Option<HeaderValue>,
}

const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

impl SecurityHeadersLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self { cache: None, transport: None }
    }

    /// Says `Cache-Control: no-store` on every answer, whatever the handler said: for sensitive routes.
    #[must_use]
    pub fn never_stored(self) -> Self {
        Self { cache: Some(NO_STORE), ..self }
    }

    /// Has browsers come by HTTPS alone for two years; only for hosts that will keep it that long.
    #[must_use]
    pub fn https_only(self) -> Self {
        Self { transport: Some(TWO_YEARS), ..self }
    }

    fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in ALWAYS {
            headers.entry(name).or_insert(value);
        }
        if let Some(time) = &self.transport {
            headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| time.clone());
        }
        if let Some(cache) = &self.cache {
            headers.insert(CACHE_CONTROL, cache.clone());
        }
    }
}

impl<S> Layer<S> for SecurityHeadersLayer {
    type Service = SecurityHeaders<S>;

    fn layer(&self, inner: S) -> SecurityHeaders<S> {
        SecurityHeaders { inner, layer: self.clone() }
    }
}

/// The service that [`SecurityHeadersLayer`] makes.
#[derive(Clone, Debug)]
pub struct SecurityHeaders<S> {
    inner: S,
    layer: SecurityHeadersLayer,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for SecurityHeaders<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    S::Future: Send + 'static,
{
    type Response = Response<ResB>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let (layer, answer) = (self.layer.clone(), self.inner.call(request));
        Box::pin(async move {
            let mut response = answer.await?;
            layer.write(response.headers_mut());
            Ok(response)
        })
    }
}
