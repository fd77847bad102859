//! How long an answer took.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, Response};
use redstart_connection::{BoxFuture, Clock};
use tower_layer::Layer;
use tower_service::Service;

const X_RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");

/// Says in `X-Response-Time` how long the answer took, until its headers were ready: `1.8ms`.
#[derive(Clone, Debug)]
pub struct ResponseTimeLayer {
    clock: Clock,
}

impl ResponseTimeLayer {
    /// A layer that takes the time from `clock`, such as the store's.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Default for ResponseTimeLayer {
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl<S> Layer<S> for ResponseTimeLayer {
    type Service = ResponseTime<S>;

    fn layer(&self, inner: S) -> ResponseTime<S> {
        ResponseTime { inner, clock: self.clock.clone() }
    }
}

/// The service that [`ResponseTimeLayer`] makes.
#[derive(Clone, Debug)]
pub struct ResponseTime<S> {
    inner: S,
    clock: Clock,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for ResponseTime<S>
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
        let clock = self.clock.clone();
        let started = clock.instant();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            let took = clock.instant().saturating_duration_since(started);
            if let Ok(value) = HeaderValue::try_from(show(took)) {
                response.headers_mut().insert(X_RESPONSE_TIME, value);
            }
            Ok(response)
        })
    }
}

fn show(took: Duration) -> String {
    format!("{:.1}ms", took.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests;
