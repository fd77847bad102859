//! Time that passes when a test says so, for a store and for what it keeps on a server.

use std::time::Duration;

use redstart_connection::{Clock, Timestamp};

use crate::{
    raw::{Raw, Reply},
    server::RedisServer,
};

/// Lets time pass for the keys of one prefix: a manual clock, and the server's TTLs along with it.
///
/// A store with [`clock`](Self::clock) takes windows, leases and all else that is stored from that clock.
/// In memory it alone decides when a key ends; a server ends keys by its own clock, so there
/// [`advance`](Self::advance) shortens what is left of each TTL.
///
/// ```no_run
/// use std::time::Duration;
/// use redstart_connection::{Config, Store};
/// use redstart_testkit::{TimeMachine, fresh_prefix, shared};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut time = TimeMachine::new(shared(), &fresh_prefix());
/// let config = Config::from_url(&shared().url())?.with_prefix(time.prefix())?;
/// let store = Store::lazy_with(&config, time.clock())?;
/// // … a service on that store opens a session of half an hour …
/// assert_eq!(time.advance(Duration::from_secs(1800)), 1, "the session has ended");
/// # Ok(())
/// # }
/// ```
///
/// # Limits
///
/// - The server's own clock goes on: a TTL also shrinks by the time that the test takes. Let lifetimes be
///   seconds at least, and never ask for the exact end.
/// - Clock and TTLs move one after the other, so let nothing that depends on time be under way meanwhile.
/// - Only the TTLs of whole keys move: not those of hash fields, not the ids of streams, not the patience of
///   a blocked command.
/// - Deadlines and retries follow the runtime's time, which `tokio::time::pause` holds.
/// - The prefix must be on one server: in a cluster each master needs a [`Raw::shift_ttls`] of its own.
#[derive(Debug)]
pub struct TimeMachine {
    clock: Clock,
    raw: Raw,
    prefix: String,
}

impl TimeMachine {
    /// Stops the time for a prefix, at the moment that the server has now.
    ///
    /// # Panics
    ///
    /// Panics when the server is down or doesn't answer.
    #[must_use]
    pub fn new(server: &RedisServer, prefix: &str) -> Self {
        let mut raw = server.raw();
        let now = now(&mut raw).expect("TIME is answered with seconds and microseconds");
        Self { clock: Clock::manual(now), raw, prefix: prefix.to_owned() }
    }

    /// Lets time pass, and returns how many keys ended by it.
    ///
    /// # Panics
    ///
    /// Panics when the server is down or doesn't answer.
    pub fn advance(&mut self, by: Duration) -> usize {
        self.clock.advance(by);
        self.raw.shift_ttls(&self.prefix, by)
    }

    /// The clock of this time, one and the same for everybody who takes it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// The prefix whose keys follow it.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

fn now(raw: &mut Raw) -> Option<Timestamp> {
    let mut parts = raw.command(&["TIME"]).array().into_iter().map(Reply::text);
    let seconds: u64 = parts.next()?.parse().ok()?;
    let micros: u64 = parts.next()?.parse().ok()?;
    Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
}
