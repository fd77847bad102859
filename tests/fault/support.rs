//! What the fault tests share.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use redstart_connection::{
    Certainty, Cmd, Config, Effect, Error, Memory, Operation, Outage, Redis, Result, Store, Timestamp,
};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{RedisServer, fresh_prefix};

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

/// An increment of a counter of one's own, in whatever slot it has.
pub(crate) struct HitAt(pub(crate) u64);

impl Operation for HitAt {
    type Output = i64;
    const NAME: &'static str = "test.hit_at";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &i64) -> &'static str {
        "hit"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<i64> {
        redis.send(Cmd::new("INCR").key(&HITS.key(&self.0))).await?.into_int()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<i64> {
        Err(Error::unsupported("this one is for a server"))
    }
}

/// What a counter stands at.
pub(crate) async fn count_at(store: &Store, id: u64) -> Result<i64> {
    let read = store.command(Cmd::new("GET").key(&HITS.key(&id))).await?;
    Ok(read.into_optional_int()?.unwrap_or(0))
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
    redstart_testkit::eventually(GUARD, async || store.run(&Count).await.is_ok()).await;
}

/// What is known of many increments.
#[derive(Default)]
pub(crate) struct Tally {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
}

impl Tally {
    pub(crate) fn note(&self, outcome: Result<i64>) {
        match outcome {
            Ok(_) => self.acknowledged.fetch_add(1, Ordering::SeqCst),
            Err(error) if error.certainty() >= Certainty::Failed => {
                self.unknown.fetch_add(1, Ordering::SeqCst)
            }
            Err(_) => 0,
        };
    }

    pub(crate) fn acknowledged(&self) -> i64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// How many can have happened.
    pub(crate) fn most(&self) -> i64 {
        self.acknowledged.load(Ordering::SeqCst) + self.unknown.load(Ordering::SeqCst)
    }

    /// Every acknowledged one is there, and none that is known not to have happened.
    pub(crate) fn check(&self, count: i64) {
        let (sure, unknown) = (self.acknowledged.load(Ordering::SeqCst), self.unknown.load(Ordering::SeqCst));
        assert!(
            (sure..=sure + unknown).contains(&count),
            "{count} done, {sure} acknowledged, {unknown} unknown"
        );
    }
}
