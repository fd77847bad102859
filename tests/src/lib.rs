//! The harness of the tests against real servers: private servers, a chaos proxy, a look past the product.
//!
//! - [`RedisServer`] is a server of the test's own; [`shared`] is one for everybody in the process, and
//!   [`fresh_prefix`] keeps its users apart.
//! - [`Proxy`] stands between a client and a server and misbehaves on demand.
//! - [`Raw`] talks to the server without the product, to see what the product really did.
//! - [`eventually`] waits for something to become true, with a deadline.
//!
//! Whatever the harness cannot do fails the test on the spot, so nothing here returns an error.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a harness that cannot do its work fails the test on the spot, with the reason"
)]

pub mod locate;

mod raw;
mod server;
mod watchdog;

mod proxy;
mod wait;

pub use crate::{
    proxy::{Fault, Proxy},
    raw::{Raw, Reply},
    server::{RedisServer, Setup, fresh_prefix, shared},
    wait::eventually,
};
