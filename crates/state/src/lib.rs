//! State that a service keeps for a while: sessions, requests that are done once, one-time values, codes,
//! counters, flags.

mod idempotency;
pub mod operations;
mod secret;

pub use crate::{
    idempotency::{Begun, Fingerprint, Idempotency, Once, OnceError, Run},
    secret::{Digest, InvalidSecret},
};
pub use redstart_connection::{Loss, Validity};
