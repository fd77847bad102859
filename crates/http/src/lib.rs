//! HTTP on top of the toolkit: limits, trace ids, timings, errors, health and administration.
//!
//! The layers are plain [tower](tower_layer) over the types of [`http`], generic over the body, so that
//! they go into axum, hyper or tonic alike:
//!
//! | layer | what it does |
//! | --- | --- |
//! | [`TraceLayer`] | gives each request a [`TraceId`], from `traceparent` or new |
//! | [`ResponseTimeLayer`] | says how long the answer took |
//! | [`RateLimitLayer`] | admits or refuses, and says what is left |
//! | [`IdempotencyLayer`] | carries a request out once, however often it is sent |
//! | [`ReplayGuardLayer`] | takes each bearer token once |
//! | [`MaintenanceLayer`] | closes the service while a flag is on |
//! | [`SecurityHeadersLayer`] | tells browsers to be careful, and caches to keep nothing |
//!
//! Errors leave as one envelope, [`ApiError`], which holds nothing internal.
#![cfg_attr(
    feature = "axum",
    doc = "With the feature `axum` (the default) [`health_router`] and [`admin_router`] add the endpoints, \
           [`dashboard_router`] a page for operators, and [`openapi`] describes them."
)]
//!
//! ```
//! use redstart_connection::Store;
//! use redstart_http::{LimitBy, RateLimitLayer};
//! use redstart_ratelimit::Policy;
//! use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//!
//! const API: Policy = Policy::per_hour("api", 1_000);
//!
//! # use std::convert::Infallible;
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Infallible> {
//! let limits = RateLimitLayer::new(&Store::memory()).limit(API, LimitBy::client_address());
//! let hello = service_fn(async |_: http::Request<String>| {
//!     Ok::<_, Infallible>(http::Response::new(String::from("hello")))
//! });
//! let response = ServiceBuilder::new().layer(limits).service(hello).oneshot(http::Request::default()).await?;
//! assert_eq!(response.headers()["x-ratelimit-remaining"], "999");
//! # Ok(()) }
//! ```

mod address;
mod body;
mod cached;
mod error;
mod idempotency;
mod limit;
mod maintenance;
mod measured;
#[cfg(feature = "axum")]
mod ops;
#[cfg(feature = "axum")]
mod origin;
mod read_body;
mod replay;
mod security;
mod timing;
mod token;
mod trace;

#[cfg(feature = "axum")]
pub use crate::ops::{
    OpsState, admin_router, alerts_router, dashboard_router, guarded, health_router, openapi,
};
pub use crate::{
    address::{ClientAddress, InvalidProxies, TrustedProxies},
    body::ResponseBody,
    cached::CacheHeaders,
    error::ApiError,
    idempotency::{IdempotencyLayer, IdempotentService},
    limit::{LimitBy, LimitHeaders, RateLimit, RateLimitLayer},
    maintenance::{Maintained, MaintenanceLayer},
    measured::{MeasuredRequests, RequestMetricsLayer},
    read_body::ReadBody,
    replay::{ReplayGuardLayer, ReplayGuarded, ShownToken},
    security::{SecurityHeaders, SecurityHeadersLayer},
    timing::{ResponseTime, ResponseTimeLayer},
    token::{AdminToken, WeakToken},
    trace::{Trace, TraceId, TraceLayer},
};
