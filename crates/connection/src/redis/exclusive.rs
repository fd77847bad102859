//! Exclusive connections, for commands that block.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bb8_redis::bb8::{ManageConnection, Pool, PooledConnection, QueueStrategy, RunError};
use redis::{Client, aio::MultiplexedConnection};

use super::{classify::classify, convert::convert, link::open};
use crate::{Config, Error, Result, Value};

/// The pool of exclusive connections.
///
/// It is opened on first use and again after its runtime has ended, so that a store belongs to none.
pub(crate) struct Exclusive {
    manager: Manager,
    size: u32,
    wait: Duration,
    idle: Duration,
    max_age: Duration,
    pool: Mutex<Option<(tokio::runtime::Id, Pool<Manager>)>>,
}

impl Exclusive {
    pub(crate) fn new(config: &Config, client: Client) -> Self {
        Self {
            manager: Manager { client, handshake_timeout: config.handshake_timeout },
            size: config.pool_size,
            wait: config.handshake_timeout,
            idle: config.idle_timeout,
            max_age: config.max_age,
            pool: Mutex::new(None),
        }
    }

    /// Takes a connection for oneself.
    pub(crate) async fn session(&self) -> Result<Session> {
        let pool = self.pool();
        match pool.get_owned().await {
            Ok(connection) => Ok(Session { connection }),
            Err(RunError::User(error)) => Err(error),
            Err(RunError::TimedOut) => {
                let state = pool.state();
                Err(Error::overloaded(format!(
                    "no exclusive connection within {:?}: {} of {} in use",
                    self.wait,
                    state.connections - state.idle_connections,
                    self.size
                )))
            }
        }
    }

    /// Connections in use, and the most there may be.
    pub(crate) fn usage(&self) -> (usize, usize) {
        let open = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = open.as_ref().map_or(0, |(_, pool)| {
            let state = pool.state();
            state.connections.saturating_sub(state.idle_connections)
        });
        (usize::try_from(in_use).unwrap_or(usize::MAX), usize::try_from(self.size).unwrap_or(usize::MAX))
    }

    fn pool(&self) -> Pool<Manager> {
        let here = tokio::runtime::Handle::current().id();
        let mut open = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some((home, pool)) if *home == here => pool.clone(),
            _ => {
                let pool = Pool::builder()
                    .max_size(self.size)
                    .connection_timeout(self.wait)
                    .idle_timeout(Some(self.idle))
                    .max_lifetime(Some(self.max_age))
                    .queue_strategy(QueueStrategy::Lifo)
                    .test_on_check_out(true)
                    .retry_connection(false)
                    .build_unchecked(self.manager.clone());
                *open = Some((here, pool.clone()));
                pool
            }
        }
    }
}

/// A connection that one caller has for itself.
pub(crate) struct Session {
    connection: PooledConnection<'static, Manager>,
}

impl Session {
    /// Sends one command and waits for its answer, however long the server blocks, up to `within`.
    pub(crate) async fn send(&mut self, cmd: &redis::Cmd, within: Duration) -> Result<Value> {
        // Until the answer is here the connection's state is unknown; dropped midway, it is not used again.
        self.connection.broken.store(true, Ordering::Relaxed);
        let answer = tokio::time::timeout(within, self.connection.connection.send_packed_command(cmd)).await;
        let answer = answer.map_err(|_| Error::timeout(within, crate::Certainty::Unknown))?;
        let value = answer.map_err(|error| classify(&error).0)?;
        self.connection.broken.store(false, Ordering::Relaxed);
        convert(value)
    }
}

/// Opens, tests and discards exclusive connections.
#[derive(Clone)]
pub(crate) struct Manager {
    client: Client,
    handshake_timeout: Duration,
}

pub(crate) struct Managed {
    connection: MultiplexedConnection,
    broken: AtomicBool,
}

impl ManageConnection for Manager {
    type Connection = Managed;
    type Error = Error;

    async fn connect(&self) -> Result<Managed> {
        let connection = open(&self.client, self.handshake_timeout).await?;
        Ok(Managed { connection, broken: AtomicBool::new(false) })
    }

    async fn is_valid(&self, managed: &mut Managed) -> Result<()> {
        let ping = redis::cmd("PING");
        let answer =
            tokio::time::timeout(self.handshake_timeout, managed.connection.send_packed_command(&ping));
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
