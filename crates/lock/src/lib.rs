//! Distributed locks with fencing and a signal when the lock is lost.
//!
//! [`Locks`] hands out requests; a request runs work [under the lock](LockRequest::with), or gives a
//! [`Guard`] that holds it.
//!
//! ```
//! use redstart_connection::Store;
//! use redstart_keys::{Category, Entity, Ttl};
//! use redstart_lock::{Locks, Release};
//! use std::time::Duration;
//!
//! const RUN: Entity<u64> = Entity::new(Category::Lock, "royalty-run").ttl(Ttl::minutes(5));
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_lock::LockError> {
//! let locks = Locks::new(Store::memory());
//! let run = locks.lock(&RUN.key(&2026)).ttl(Ttl::seconds(15)).wait(Duration::from_secs(5));
//!
//! let guard = run.acquire().await?;
//! assert!(run.try_acquire().await?.is_none());
//! assert_eq!(guard.release().await?, Release::Released);
//! # Ok(()) }
//! ```
//!
//! # What a lock promises, and what not
//!
//! - A lease is renewed after a third of its TTL, and counts as valid until a hundredth and 2 ms before
//!   its end, measured from before the request was sent on the monotonic clock. While it is valid here,
//!   no other process has the lock, as long as the server keeps what it granted and its clock does not
//!   jump.
//! - A failover can lose a grant that was not yet replicated, and no lock service can stop a process
//!   that was paused in the middle of a write. Against both there is the [`Fence`]: let the resource
//!   refuse smaller ones.
//! - While the server does not answer, nothing is granted: [`LockError::Unavailable`] within the
//!   command's deadline. A lock is never answered from memory, unless the store itself is the memory.
//! - A lock is not reentrant: who holds it and asks again waits for itself.
//!
//! # How a lock ends
//!
//! [`Guard::release`] waits for the answer. A guard that is dropped, by a panic or a cancellation as
//! well, goes to a background task that gives the lock back; so does a request that is dropped before
//! its answer. A shutdown of the store tells all holders that the lock is lost, drops the work under
//! [`LockRequest::with`], and releases what is left.

mod admin;
mod cell;
mod claim;
mod closing;
mod contended;
mod election;
mod error;
mod fence;
mod gathering;
mod guard;
mod inbox;
mod janitor;
mod locks;
mod multi;
mod once;
pub mod operations;
mod queue;
mod quorum;
mod request;
mod successor;
mod waiting;
mod ways;

#[cfg(test)]
mod tests;

pub use crate::{
    admin::{HeldLock, Holder},
    cell::{FencedCell, Written},
    election::{Election, Observer},
    error::LockError,
    fence::Fence,
    guard::{Guard, Lease, Release},
    locks::Locks,
    multi::{MultiGuard, MultiRequest},
    once::{OnceEvery, Ran},
    quorum::{QuorumGuard, QuorumLocks, QuorumRequest},
    request::{LockRequest, Outcome},
};
pub use redstart_connection::Loss;
