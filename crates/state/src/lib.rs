//! State that a service keeps for a while: sessions, requests that are done once, one-time values, codes,
//! counters, flags.

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
