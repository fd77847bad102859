//! A toolkit between a Rust service and Redis or Valkey.
//!
//! A service needs more of Redis than commands: names that never collide, a cache that never shows what
//! was invalidated, limits and locks that hold across processes, and an answer within a deadline while
//! Redis is away. That part is small, easy to get almost right, and written anew in every company.
//! Here it is once, measured and tested against what breaks it.
//!
//! ```
//! use redstart::{Cache, Category, Entity, Limiter, Locks, Policy, Store, Ttl};
//!
//! const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
//! const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
//! const SEARCH: Policy = Policy::per_minute("search", 60);
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let store = Store::memory(); // or Store::from_env()?, which reads REDIS_URL
//!     let users = Cache::<u64, String>::new(&store, &USER);
//!     let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
//!     assert_eq!(users.get_or_load(&42, load).await?.as_deref().map(String::as_str), Some("Ada"));
//!
//!     let decision = Limiter::new(store.clone()).check(&SEARCH, "203.0.113.7").await;
//!     assert_eq!((decision.is_allowed(), decision.remaining()), (true, 59));
//!
//!     let payout = Locks::new(store).lock(&PAYOUT.key(&42));
//!     payout.with(|lease| async move { println!("paid under fence {}", lease.fence()) }).await?;
//!     Ok(())
//! }
//! ```
//!
//! # How it fits together
//!
//! A [`Store`] is Redis, or memory when no server is configured; everything else takes one and behaves
//! alike on both. What the service keeps there it declares once, as constants: an [`Entity`] says the
//! name, the type of the id and the lifetime of its keys, a [`Policy`] says how often something may be
//! done. An outcome that was to be expected is a value (a [`Decision`], an `Option`); an error is what
//! nobody planned, and says whether the work may have been done.
//!
//! The names that everybody writes are here at the root; the rest of each crate is in its module:
//!
//! | module | feature | what it holds |
//! | --- | --- | --- |
//! | [`keys`] | always | declarations, ids, lifetimes, patterns, the catalogue |
//! | [`connection`] | always | the store, its configuration, operations of one's own |
#![cfg_attr(
    feature = "cache",
    doc = "| [`cache`] | `cache` | the two-tier cache, warming, experiments with TTLs, sweeping by pattern |"
)]
#![cfg_attr(
    feature = "ratelimit",
    doc = "| [`ratelimit`] | `ratelimit` | policies, decisions, several limits at once |"
)]
#![cfg_attr(
    feature = "lock",
    doc = "| [`lock`] | `lock` | leases with fences and a signal when they are lost |"
)]
#![cfg_attr(
    feature = "state",
    doc = "| [`state`] | `state` | sessions, idempotency, one-time values, codes, counters, flags |"
)]
#![cfg_attr(
    feature = "monitor",
    doc = "| [`monitor`] | `monitor`, `prometheus` | health, metrics, what the server says of itself |"
)]
#![cfg_attr(feature = "http", doc = "| [`http`] | `http` | tower layers and axum routers |")]
#![cfg_attr(
    feature = "testkit",
    doc = "| [`testkit`] | `testkit` | real servers, clusters and faults for the tests of a service |"
)]
//!
//! All but `prometheus` and `testkit` are on by default. The example `marketplace` is a whole service built on them.

#[cfg(feature = "cache")]
pub use redstart_cache as cache;
pub use redstart_connection as connection;
#[cfg(feature = "http")]
pub use redstart_http as http;
pub use redstart_keys as keys;
#[cfg(feature = "lock")]
pub use redstart_lock as lock;
#[cfg(feature = "monitor")]
pub use redstart_monitor as monitor;
#[cfg(feature = "ratelimit")]
pub use redstart_ratelimit as ratelimit;
#[cfg(feature = "state")]
pub use redstart_state as state;
#[cfg(feature = "testkit")]
pub use redstart_testkit as testkit;

#[cfg(feature = "cache")]
pub use redstart_cache::{Cache, Cached};
pub use redstart_connection::{Config, Error, Store};
pub use redstart_keys::{Category, Entity, Key, TextId, Ttl};
#[cfg(feature = "lock")]
pub use redstart_lock::{Guard, Locks};
#[cfg(feature = "monitor")]
pub use redstart_monitor::Monitor;
#[cfg(feature = "ratelimit")]
pub use redstart_ratelimit::{Decision, Limiter, Policy, Subject};
#[cfg(feature = "state")]
pub use redstart_state::{Codes, Counters, Flags, Idempotency, Sessions};

#[cfg(doctest)]
mod documents;
#[cfg(test)]
mod tests;
