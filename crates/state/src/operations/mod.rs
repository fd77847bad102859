//! The atomic steps of the state, for services that drive the door themselves.
//!
//! Each has a script or a command for Redis and a body for the embedded store.

mod idempotent;
mod session;

pub use self::{
    idempotent::{Abandon, Attempt, Begin, Begun, Complete, Renew},
    session::{
        CreateSession, Created, DepartSession, EndSessions, ListSessions, Listed, LoadSession, Loaded, Place,
        SaveSession, Saved, Term, TouchSession, Version,
    },
};
