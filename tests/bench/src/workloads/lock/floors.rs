//! Locks as lean as they can be written by hand, without a fence and with one.

use redis::{Script, aio::MultiplexedConnection};

use super::LEASE_MILLIS;
use crate::{item::Ids, load::Caller, server::PREFIX};

/// Only by the holder.
const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// A fence that counts, from one again when the server has lost it.
const TAKE: &str = "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) \
                    then return redis.call('INCR', KEYS[2]) end return 0";

/// A lock without a fence.
pub(super) struct Lean {
    connection: MultiplexedConnection,
    release: Script,
    attempts: Attempts,
}

/// A lock with a fence.
pub(super) struct Fenced {
    connection: MultiplexedConnection,
    take: Script,
    release: Script,
    fence: String,
    attempts: Attempts,
}

/// What the attempts of one caller are for.
struct Attempts {
    floor: &'static str,
    ids: Ids,
    turn: u64,
}

impl Lean {
    pub(super) fn new(connection: &MultiplexedConnection, caller: usize) -> Self {
        let attempts = Attempts::new("lean", caller);
        Self { connection: connection.clone(), release: Script::new(RELEASE), attempts }
    }
}

impl Fenced {
    pub(super) fn new(connection: &MultiplexedConnection, caller: usize) -> Self {
        Self {
            connection: connection.clone(),
            take: Script::new(TAKE),
            release: Script::new(RELEASE),
            fence: format!("{PREFIX}:fenced:last"),
            attempts: Attempts::new("fenced", caller),
        }
    }
}

impl Attempts {
    fn new(floor: &'static str, caller: usize) -> Self {
        Self { floor, ids: Ids::uniform(caller), turn: caller as u64 * 1_000_000_000 }
    }

    /// The lock of the next one, and its token.
    fn next(&mut self) -> (String, String) {
        self.turn += 1;
        (format!("{PREFIX}:{}:{{{}}}", self.floor, self.ids.next()), format!("{:032x}", self.turn))
    }
}

impl Caller for Lean {
    async fn call(&mut self) -> bool {
        let (name, token) = self.attempts.next();
        let mut take = redis::cmd("SET");
        take.arg(&name).arg(&token).arg("NX").arg("PX").arg(LEASE_MILLIS);
        let taken = take.query_async::<Option<String>>(&mut self.connection).await;
        if !matches!(taken, Ok(Some(_))) {
            // Another caller has the same id at this moment.
            return taken.is_ok();
        }
        let released = self.release.key(name).arg(token).invoke_async::<i64>(&mut self.connection).await;
        released.is_ok_and(|released| released == 1)
    }
}

impl Caller for Fenced {
    async fn call(&mut self) -> bool {
        let (name, token) = self.attempts.next();
        let mut take = self.take.key(&name);
        take.key(&self.fence).arg(&token).arg(LEASE_MILLIS);
        let fence = take.invoke_async::<u64>(&mut self.connection).await;
        if !fence.as_ref().is_ok_and(|&fence| 0 < fence) {
            // Another caller has the same id at this moment.
            return fence.is_ok();
        }
        let released = self.release.key(name).arg(token).invoke_async::<i64>(&mut self.connection).await;
        released.is_ok_and(|released| released == 1)
    }
}
