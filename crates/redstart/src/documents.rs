//! The pages of the workspace, so that what they show is compiled and run.

#[doc = include_str!("../../../README.md")]
struct Readme;

#[doc = include_str!("../../../docs/guide/cache.md")]
struct TheCache;

#[doc = include_str!("../../../docs/guide/locks.md")]
struct Locks;

#[doc = include_str!("../../../docs/guide/getting-started.md")]
struct GettingStarted;

#[doc = include_str!("../../../docs/guide/configuration.md")]
struct Configuration;

#[doc = include_str!("../../../docs/guide/rate-limits.md")]
struct RateLimits;

#[cfg(feature = "http")]
#[doc = include_str!("../../../docs/guide/http-edge.md")]
struct HttpEdge;

#[cfg(feature = "jobs")]
#[doc = include_str!("../../../docs/guide/jobs.md")]
struct Jobs;

#[doc = include_str!("../../../docs/guide/state.md")]
struct State;

#[doc = include_str!("../../../docs/guide/monitoring.md")]
#[cfg(feature = "prometheus")]
struct Monitoring;
