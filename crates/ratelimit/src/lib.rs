//! Rate limits: exact, all or nothing, one round trip, on the server's clock.
//!
//! A [`Policy`] is a constant with a name. A [`Limiter`] charges it to a [`Subject`] and answers with a
//! [`Decision`], which is plain data: allowed or not, what is left, when to come back, who answered.
//!
//! ```
//! use redstart_connection::Store;
//! use redstart_ratelimit::{Limiter, Policy, Subject};
//!
//! const BY_ADDRESS: Policy = Policy::per_minute("login-address", 20).burst(5);
//! const BY_NAME: Policy = Policy::per_hour("login-name", 1).sensitive();
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let limiter = Limiter::new(Store::memory());
//! let limits = [(&BY_ADDRESS, Subject::from(7)), (&BY_NAME, Subject::from("ada@example.org"))];
//! assert!(limiter.check_all(&limits).await.is_allowed());
//!
//! let refused = limiter.check_all(&limits).await;
//! assert_eq!(refused.refused_by(), Some("login-name"));
//! // The address has not paid for what the name was refused.
//! assert_eq!(limiter.peek(&BY_ADDRESS, 7).await.remaining(), 4);
//! # }
//! ```
//!
//! # Algorithms
//!
//! | policy | algorithm | kept per subject |
//! | --- | --- | --- |
//! | limit up to 128 | sliding window, exact log | 12 bytes per call within the window |
//! | limit above 128 | sliding window, one counter per 1/64 of the period | at most 1 KB |
//! | [with a burst](Policy::burst) | GCRA | one integer |
//! | [fixed window](Policy::fixed_window) | a count from the first call until the period ends | 13 bytes |
//! | [bucket](Policy::bucket) | tokens that come back several at once | 13 bytes |
//!
//! Both sliding windows hold at most the limit in *any* stretch of the period; the counter gives capacity
//! back up to 1/64 of the period late, never early. GCRA admits at most `rate × time + burst`.
//!
//! Time is the server's. Should its clock step back, as after a failover, what lies ahead of it counts
//! as happening now, so that nobody is refused for the length of the step; and what had left a window
//! does not come back.
//!
//! # Keys
//!
//! One key per policy and subject, `ratelimit:<policy>:{subject}`, always with a TTL. A refusal writes
//! nothing. [`Limiter::check_all`] sends the keys of all its limits to one script; in a cluster, to one for
//! each slot, all at once, and takes back what some have charged when another refuses.
//!
//! # At the same time
//!
//! [`Concurrency`] limits how many work at once. A place is a lease that is renewed while it is held, so
//! that a holder that crashes gives it back by itself.
//!
//! # Without a round trip
//!
//! What the server refused is refused again by this process for up to a second ([`Source::DenyCache`]), and
//! [`Leases`] spend tokens that were charged in advance ([`Source::Lease`]).
//!
//! # Outages
//!
//! While the store does not answer, each policy's [`OnOutage`] rule holds: this process counts for
//! itself with its share of the limit (the default), or everything is allowed, or refused.
//! [`Decision::source`] says which, and a warning is logged when it is more than one answer in a hundred.

mod account;
mod bucket;
mod burst;
mod concurrency;
mod counter;
mod deadline;
mod decision;
mod fixed;
mod leases;
mod limiter;
mod live;
pub mod operations;
mod outages;
mod policy;
mod refusals;
mod room;
mod rule;
mod standby;
mod subject;
mod table;
mod tallies;
mod violations;
mod window;

pub use crate::{
    concurrency::{Concurrency, Entry, Place, Places},
    decision::{Decision, LimitState, Refused, Source, Verdict},
    leases::Leases,
    limiter::Limiter,
    live::{LivePolicies, PolicyFileError},
    policy::{OnOutage, Policy},
    rule::Reading,
    subject::Subject,
    table::{InvalidPolicies, PolicyTable},
    violations::{Violation, Violations},
};
