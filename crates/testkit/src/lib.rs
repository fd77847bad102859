//! Real servers for tests: private ones, clusters and sentinels, and the faults that befall them.
//!
//! A double of Redis answers what its author believed. The tests of redstart run against real servers that
//! start in 20 ms, belong to one test, and are killed, frozen, cut off and failed over at will. The same is
//! here for the services built on it:
//!
//! - [`RedisServer`] is a server of the test's own, with a password, a socket or TLS if asked for;
//!   [`shared`] is one for everybody in the process, and [`fresh_prefix`] keeps its users apart.
//! - [`Cluster`] is three masters with a replica each, whose slots move and whose masters fail;
//!   [`Sentinels`] is a master with two replicas under three sentinels.
//! - [`Proxy`] stands between a client and a server and misbehaves on demand.
#![cfg_attr(feature = "rest", doc = "- [`RestBridge`] puts a server behind HTTP, as Upstash does.")]
//! - [`Raw`] talks to the server without the product, to see what the product really did.
//! - [`TimeMachine`] lets time pass for a store and for what it keeps on a server.
//! - [`eventually`] waits for something to become true, with a deadline.
//!
//! ```no_run
//! use redstart_testkit::{Fault, Proxy, RedisServer, Reply};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let server = RedisServer::start();
//! let proxy = Proxy::start(server.address()).await;
//! let url = server.url_at(proxy.address()); // what the service under test connects to
//! proxy.set(Fault::LoseReplies); // from now on it learns of nothing that it has done
//! // … the service charges a card …
//! assert_eq!(server.raw().command(&["GET", "charges"]).text(), "1");
//! # }
//! ```
//!
//! # What to know
//!
//! The server is a program on this machine: `redis-server` or `valkey-server` on `PATH`, or the one that the
//! variable [`locate::VARIABLE`] names; Redis 7.0 or later, on Unix. Everything listens on 127.0.0.1 alone,
//! under ports that nobody used, and keeps its files in a temporary folder. What was started is ended on
//! drop, and by a watchdog when the process dies without dropping anything; nothing else is ever ended.
//!
//! Starting, stopping and [`Raw`] block the thread; what waits for servers to agree is async.
//! Whatever the kit cannot do fails the test on the spot with the reason, so almost nothing here returns an
//! error.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that cannot do its work fails the test on the spot, with the reason"
)]

pub mod locate;

mod process;
mod raw;
mod server;
mod watchdog;

#[cfg(feature = "rest")]
mod bridge;
mod browser;
#[cfg(feature = "tls")]
mod certificates;
mod cluster;
mod proxy;
mod sentinels;
mod time_machine;
mod wait;

#[cfg(feature = "rest")]
pub use crate::bridge::{RestBridge, RestFault};
pub use crate::{
    browser::Browser,
    cluster::{Cluster, ClusterSetup, SlotMove, slot_of},
    proxy::{Fault, Proxy},
    raw::{Raw, Reply},
    sentinels::{Sentinels, SentinelsSetup},
    server::{RedisServer, Setup, fresh_prefix, shared},
    time_machine::TimeMachine,
    wait::eventually,
};
