//! How long requests take, as a metric.

use std::task::{Context, Poll};

use http::{HeaderMap, Method, Request, Response};
use redstart_connection::{BoxFuture, Clock, names};
use tower_layer::Layer;
use tower_service::Service;

use crate::limit::endpoint;

/// Measures every request as `http_server_request_duration_seconds`, until its answer begins.
///
/// The labels are those of OpenTelemetry: the method, the route and the status; a path without a route, and
/// a method that nobody knows, are `other`, since anybody may make them up.
/// With axum it stands within `Router::layer`, which knows the route.
#[derive(Clone, Debug)]
pub struct RequestMetricsLayer {
    clock: Clock,
    audience: fn(&HeaderMap) -> &'static str,
}

impl RequestMetricsLayer {
    /// A layer that takes the time from `clock`, such as the store's.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, audience: |_| "public" }
    }

    /// Who is asking, as the label `audience`: so testers can be left out of what is judged.
    ///
    /// Defaults to `public` for everybody.
    #[must_use]
    pub fn with_audience(mut self, audience: fn(&HeaderMap) -> &'static str) -> Self {
        self.audience = audience;
        self
    }
}

impl<S> Layer<S> for RequestMetricsLayer {
    type Service = MeasuredRequests<S>;

    fn layer(&self, inner: S) -> MeasuredRequests<S> {
        MeasuredRequests { inner, layer: self.clone() }
    }
}

/// The service that [`RequestMetricsLayer`] makes.
#[derive(Clone, Debug)]
pub struct MeasuredRequests<S> {
    inner: S,
    layer: RequestMetricsLayer,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for MeasuredRequests<S>
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
        let RequestMetricsLayer { clock, audience } = self.layer.clone();
        let (method, route) = (word(request.method()), endpoint(request.extensions()));
        let audience = audience(request.headers());
        let started = clock.instant();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            let status = response.status().as_str().to_owned();
            let labels = [
                ("http_request_method", method.to_owned()),
                ("http_route", route.to_string()),
                ("http_response_status_code", status),
                ("audience", audience.to_owned()),
            ];
            let took = clock.instant().saturating_duration_since(started);
            metrics::histogram!(names::HTTP_SECONDS, &labels).record(took);
            Ok(response)
        })
    }
}

/// The methods that there are; a client may send any word.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "CONNECT" => "CONNECT",
        "DELETE" => "DELETE",
        "GET" => "GET",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "POST" => "POST",
        "PUT" => "PUT",
        "TRACE" => "TRACE",
        _ => "other",
    }
}
