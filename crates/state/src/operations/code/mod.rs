//! Codes: issued, verified, voided.

mod issue;
mod verify;

use redstart_connection::Timestamp;
use redstart_keys::Ttl;

pub use self::{
    issue::{IssueCode, Issued},
    verify::{Verdict, VerifyCode, VoidCode},
};
use crate::Digest;

/// What bounds the guesses of a code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodeRule {
    pub(crate) ttl: Ttl,
    pub(crate) attempts: u32,
    pub(crate) pause: Ttl,
    pub(crate) window: Ttl,
    pub(crate) most: u32,
}

impl CodeRule {
    /// So many attempts at a code that lives for `ttl`; another after `pause`, and at most `most` in `window`.
    #[must_use]
    pub const fn new(ttl: Ttl, attempts: u32, pause: Ttl, window: Ttl, most: u32) -> Self {
        Self { ttl, attempts, pause, window, most }
    }
}

/// What the embedded store keeps of a subject.
#[derive(Clone)]
struct Subject {
    code: Option<Digest>,
    left: u32,
    ends: Timestamp,
    sent: u32,
    since: Timestamp,
    last: Timestamp,
    by: String,
    answer: Option<Verdict>,
}
