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
