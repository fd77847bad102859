//! What the fault tests share.

use std::{net::SocketAddr, time::Duration};

use redstart_connection::{
    Cmd, Config, Effect, Error, Memory, Operation, Outage, Redis, Result, Store, Timestamp,
};
use redstart_keys::{Category, Entity, Ttl};
use redstart_tests::{RedisServer, fresh_prefix};

/// How long an awaited event may take before the test fails: far more than any promise.
pub(crate) const GUARD: Duration = Duration::from_secs(20);

pub(crate) const HITS: Entity<u64> = Entity::new(Category::Counter, "hits").ttl(Ttl::hours(1));

/// A store with the default time-outs on `server`, reached at `address`.
pub(crate) fn store_at(server: &RedisServer, address: SocketAddr) -> Store {
    let config =
        Config::from_url(&server.url_at(address)).and_then(|config| config.with_prefix(&fresh_prefix()));
    Store::lazy(&config.unwrap()).unwrap()
}

pub(crate) fn store(server: &RedisServer) -> Store {
    store_at(server, server.address())
}

/// An increment: the work that shows when it is done twice.
pub(crate) struct Hit(pub(crate) Effect);

impl Operation for Hit {
    type Output = i64;
    const NAME: &'static str = "test.hit";

    fn effect(&self) -> Effect {
        self.0
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &i64) -> &'static str {
        "hit"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<i64> {
        redis.send(Cmd::new("INCR").key(&HITS.key(&1))).await?.into_int()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<i64> {
        Err(Error::unsupported("this one is for a server"))
    }
}

/// A read that may be tried again.
pub(crate) struct Count;

impl Operation for Count {
    type Output = i64;
    const NAME: &'static str = "test.count";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &i64) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<i64> {
        Ok(redis.send(Cmd::new("GET").key(&HITS.key(&1))).await?.into_optional_int()?.unwrap_or(0))
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<i64> {
        Err(Error::unsupported("this one is for a server"))
    }
}

/// Waits until the store answers again.
pub(crate) async fn recovered(store: &Store) {
    redstart_tests::eventually(GUARD, async || store.run(&Count).await.is_ok()).await;
}
