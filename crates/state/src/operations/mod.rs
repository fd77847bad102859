//! The atomic steps of the state, for services that drive the door themselves.
//!
//! Each has a script or a command for Redis and a body for the embedded store.

mod code;
mod counter;
mod flag;
mod idempotent;
mod once;
mod session;

pub use self::{
    code::{CodeRule, IssueCode, Issued, Verdict, VerifyCode, VoidCode},
    counter::{AddCounts, AddTop, Batch, CountVisitors, ReadCounts, ReadTop, SeeVisitors},
    flag::{ReadFlag, RemoveFlag, SetFlag},
    idempotent::{Abandon, Attempt, Begin, Begun, Complete, Renew},
    once::{FirstUse, IssueToken, RedeemToken, RevokeToken, Use},
    session::{
        CreateSession, Created, DepartSession, EndSessions, ListSessions, Listed, LoadSession, Loaded, Place,
        SaveSession, Saved, Term, TouchSession, Version,
    },
};
