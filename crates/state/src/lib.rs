//! State that a service keeps for a while: sessions, requests that are done once, one-time values, codes,
//! counters, flags.

mod idempotency;
pub mod operations;
mod secret;
mod session;

#[cfg(feature = "tower-sessions")]
pub use crate::session::TowerSessions;
pub use crate::{
    idempotency::{Begun, Fingerprint, Idempotency, Once, OnceError, Run},
    operations::Listed,
    secret::{Digest, InvalidSecret},
    session::{Change, Session, SessionError, SessionId, Sessions},
};
pub use redstart_connection::{Loss, Validity};
