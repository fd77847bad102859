//! Exclusive connections, for commands that block.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bb8_redis::bb8::{ManageConnection, Pool, PooledConnection, QueueStrategy, RunError};
use redis::aio::MultiplexedConnection;
use tokio::runtime::{self, Handle};
use tokio_util::sync::CancellationToken;

use super::{
    classify::classify,
    common::{Common, PoolBounds},
    convert::convert,
    node::Target,
};
use crate::{Certainty, Error, ErrorKind, Result, Status, Value};

/// How often the pool looks for connections that are too old, or were idle for too long, at least.
const LOOK: Duration = Duration::from_secs(30);

/// The pools of exclusive connections, one for each runtime that asks for any.
///
/// A connection belongs to the runtime that drives it; a pool is opened when a runtime first asks and
/// ends with that runtime, with the server's part in the cluster or with the store.
pub(crate) struct Exclusive {
    manager: Manager,
    retired: CancellationToken,
    bounds: PoolBounds,
    wait: Duration,
    pools: Arc<Pools>,
}

#[derive(Default)]
struct Pools(Mutex<HashMap<runtime::Id, Pool<Manager>>>);

impl Exclusive {
    pub(crate) fn new(common: &Arc<Common>, target: Target, retired: CancellationToken) -> Self {
        let era = Arc::new(AtomicU64::new(0));
        Self {
            bounds: common.pool,
            wait: common.dialer.handshake_timeout(),
            manager: Manager { common: Arc::clone(common), target, era },
            pools: Arc::default(),
            retired,
        }
    }

    /// Gives up all connections, those in use as soon as they are used again: another server is meant now.
    pub(crate) fn renew(&self) {
        self.manager.era.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes a connection for oneself.
    pub(crate) async fn session(&self) -> Result<Session> {
        let pool = self.pool()?;
        match pool.get_owned().await {
            Ok(connection) => Ok(Session { connection, era: Arc::clone(&self.manager.era) }),
            Err(RunError::User(error)) => Err(error),
            Err(RunError::TimedOut) => {
                let state = pool.state();
                Err(Error::overloaded(format!(
                    "no exclusive connection within {:?}: {} of {} in use",
                    self.wait,
                    state.connections - state.idle_connections,
                    self.bounds.size
                )))
            }
        }
    }

    /// Adds what there is of connections, and how long people waited for one.
    pub(crate) fn status(&self, status: &mut Status) {
        let size = usize::try_from(self.bounds.size).unwrap_or(usize::MAX);
        let pools = self.pools.lock();
        status.exclusive_size += size * pools.len().max(1);
        for state in pools.values().map(Pool::state) {
            let in_use = state.connections.saturating_sub(state.idle_connections);
            status.exclusive_in_use += usize::try_from(in_use).unwrap_or(usize::MAX);
            status.exclusive_waits += state.statistics.get_waited;
            status.exclusive_waited += state.statistics.get_wait_time;
            status.exclusive_exhausted += state.statistics.get_timed_out;
        }
    }

    /// The pool of the present runtime.
    fn pool(&self) -> Result<Pool<Manager>> {
        let here = Handle::current();
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get(&here.id()) {
            return Ok(pool.clone());
        }
        let pool = Pool::builder()
            .max_size(self.bounds.size)
            .connection_timeout(self.wait)
            .idle_timeout(Some(self.bounds.idle))
            .max_lifetime(Some(self.bounds.max_age))
            // It looks around this often, and nothing is closed in between.
            .reaper_rate(LOOK.min(self.bounds.idle).min(self.bounds.max_age))
            .queue_strategy(QueueStrategy::Lifo)
            .test_on_check_out(true)
            .retry_connection(false)
            .build_unchecked(self.manager.clone());
        pools.insert(here.id(), pool.clone());
        drop(pools);
        let open = Open { pools: Arc::clone(&self.pools), runtime: here.id() };
        let retired = self.retired.clone();
        let kept = self.manager.common.tasks.spawn_on(&here, "exclusive connections", async move {
            let _open = open;
            retired.cancelled().await;
        });
        if kept { Ok(pool) } else { Err(Error::shutdown()) }
    }
}

impl Pools {
    fn lock(&self) -> MutexGuard<'_, HashMap<runtime::Id, Pool<Manager>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by a task of the pool's runtime; whatever ends that, the pool is given up.
struct Open {
    pools: Arc<Pools>,
    runtime: runtime::Id,
}

impl Drop for Open {
    fn drop(&mut self) {
        let pool = self.pools.lock().remove(&self.runtime);
        // Outside the lock, since it closes the connections.
        drop(pool);
    }
}

/// A connection that one caller has for itself.
pub(crate) struct Session {
    connection: PooledConnection<'static, Manager>,
    era: Arc<AtomicU64>,
}

impl Session {
    /// Sends one command and waits for its answer, however long the server blocks, up to `within`.
    pub(crate) async fn send(&mut self, cmd: &redis::Cmd, within: Duration) -> Result<Value> {
        if self.connection.era != self.era.load(Ordering::Acquire) {
            self.connection.broken.store(true, Ordering::Relaxed);
            let what = "the connection leads to a server that is not meant any more";
            return Err(Error::new(ErrorKind::Connection, Certainty::NotSent, what));
        }
        // Until the answer is here the connection's state is unknown; dropped midway, it is not used again.
        self.connection.broken.store(true, Ordering::Relaxed);
        let answer = tokio::time::timeout(within, self.connection.connection.send_packed_command(cmd)).await;
        let answer = answer.map_err(|_| Error::timeout(within, Certainty::Unknown))?;
        let value = answer.map_err(|error| classify(&error).0)?;
        self.connection.broken.store(false, Ordering::Relaxed);
        convert(value)
    }
}

/// Opens, tests and discards exclusive connections.
#[derive(Clone)]
pub(crate) struct Manager {
    common: Arc<Common>,
    target: Target,
    /// Counts how often another server took the place of the one before.
    era: Arc<AtomicU64>,
}

pub(crate) struct Managed {
    connection: MultiplexedConnection,
    broken: AtomicBool,
    era: u64,
}

impl ManageConnection for Manager {
    type Connection = Managed;
    type Error = Error;

    async fn connect(&self) -> Result<Managed> {
        // Before it is opened: a change meanwhile makes it one of the past.
        let era = self.era.load(Ordering::Acquire);
        let connection = self.target.dial(&self.common).await?.connection;
        Ok(Managed { connection, broken: AtomicBool::new(false), era })
    }

    async fn is_valid(&self, managed: &mut Managed) -> Result<()> {
        if managed.era != self.era.load(Ordering::Acquire) {
            return Err(Error::unavailable("an exclusive connection leads to a server of the past"));
        }
        let ping = redis::cmd("PING");
        let answer = tokio::time::timeout(
            self.common.dialer.handshake_timeout(),
            managed.connection.send_packed_command(&ping),
        );
        match answer.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(classify(&error).0),
            Err(_) => Err(Error::unavailable("an exclusive connection has fallen silent")),
        }
    }

    fn has_broken(&self, managed: &mut Managed) -> bool {
        managed.broken.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Managed")
    }
}
