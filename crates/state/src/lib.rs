//! State that a service keeps for a while: requests that are carried out once, sessions, values that are good
//! once, codes, counts, flags.
//!
//! | | what it is | while Redis is away |
//! | --- | --- | --- |
//! | [`Idempotency`] | work that is done once, however often it is asked for | nothing begins |
//! | [`Sessions`] | what is remembered of somebody: typed, with an owner, never brought back | refused, or kept in memory by choice |
//! | [`ReplayGuard`] | tokens of others that are accepted once | nothing is accepted |
//! | [`OnceTokens`] | tokens of our own that are redeemed once | nothing is issued or redeemed |
//! | [`Codes`] | codes that prove an address | nothing is issued or verified |
//! | [`Counters`] | what happened how often, and when | counted in the process, sent later |
//! | [`Visitors`] | how many different ones there were, about | an error |
//! | [`Flags`] | what is on, and for whom | the last known rules hold |
//!
//! Each step is one [operation](operations) through the door of the [`Store`](redstart_connection::Store): the
//! same on Redis, on a cluster, over REST and in memory, and each can be sent again when its answer was lost.
//! Secrets (ids of sessions, tokens, codes) reach the server as digests alone.
//!
//! ```
//! use redstart_connection::Store;
//! use redstart_keys::{Category, Entity, TextId, Ttl};
//! use redstart_state::Sessions;
//!
//! const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_state::SessionError> {
//! let sessions = Sessions::<u64>::new(&Store::memory(), &WEB).sliding();
//! let session = sessions.open_for("user 7", 42).await?;
//! assert_eq!(sessions.load(session.id()).await?.map(|session| *session.value()), Some(42));
//! assert_eq!(sessions.end_all("user 7").await?, 1);
//! assert!(sessions.load(session.id()).await?.is_none());
//! # Ok(()) }
//! ```

mod code;
mod counter;
mod flag;
mod idempotency;
mod once;
pub mod operations;
mod secret;
mod session;

#[cfg(feature = "tower-sessions")]
pub use crate::session::TowerSessions;
pub use crate::{
    code::{Code, Codes, Sent},
    counter::{Bucket, Counters, Flushed, Visitors},
    flag::{FlagRule, Flags},
    idempotency::{Begun, Fingerprint, Idempotency, Once, OnceError, Run},
    once::{OnceToken, OnceTokenError, OnceTokens, ReplayGuard},
    operations::{Listed, Use, Verdict},
    secret::{Digest, InvalidSecret},
    session::{Change, Session, SessionError, SessionId, Sessions},
};
pub use redstart_connection::{Loss, Validity};
