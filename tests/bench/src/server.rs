//! The server of a contest, and the two ways to it.

use redis::{Client, IntoConnectionInfo, aio::MultiplexedConnection, io::tcp::TcpSettings};
use redstart_connection::{Config, Store};
use redstart_testkit::{Raw, RedisServer};
use tokio::runtime::Runtime;

use crate::{Result, pin::Pinned};

/// The prefix of every key that the store writes.
pub(crate) const PREFIX: &str = "bench";

/// A private server: on the loopback, without persistence, gone with this value.
pub(crate) struct Server(RedisServer);

impl Server {
    pub(crate) fn start() -> Self {
        Self(RedisServer::start())
    }

    /// A connection to look at the server with, past all contestants.
    pub(crate) fn control(&self) -> Raw {
        self.0.raw()
    }

    /// Keeps the server and this process on one core, where the system can.
    pub(crate) fn on_one_core(&self) -> Option<Pinned> {
        Pinned::with(self.0.pid())
    }

    /// The store as a service has it: two lanes, the default deadline.
    pub(crate) fn store(&self, runtime: &Runtime) -> Result<Store> {
        store_at(&self.0.url(), runtime)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// The floor: redis-rs as it comes, without Nagle's delay, as the store's own lanes are.
    pub(crate) fn redis_rs(&self, runtime: &Runtime) -> Result<MultiplexedConnection> {
        self.open(runtime, TcpSettings::default().set_nodelay(true))
    }

    /// redis-rs exactly as it comes, with Nagle's delay: the kernel merges its small writes.
    pub(crate) fn stock_redis_rs(&self, runtime: &Runtime) -> Result<MultiplexedConnection> {
        self.open(runtime, TcpSettings::default())
    }

    fn open(&self, runtime: &Runtime, tcp: TcpSettings) -> Result<MultiplexedConnection> {
        let info = self.0.url().into_connection_info()?.set_tcp_settings(tcp);
        Ok(runtime.block_on(Client::open(info)?.get_multiplexed_async_connection())?)
    }
}

/// The store on the server at this address.
pub(crate) fn store_at(url: &str, runtime: &Runtime) -> Result<Store> {
    let config = Config::from_url(url)?.with_prefix(PREFIX)?;
    Ok(runtime.block_on(Store::connect(&config))?)
}
