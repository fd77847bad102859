//! Operations that do nothing but send a command.

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::{Category, Entity, Key, Ttl};

const HITS: Entity<u64> = Entity::new(Category::Counter, "hits").ttl(Ttl::hours(24));

/// A read that travels with others.
pub(super) struct Read(pub(super) Key);

/// A read that is sent by itself, as every command that can't be merged.
pub(super) struct ReadAlone(pub(super) Key);

/// A count, which must not happen twice.
pub(super) struct Increment(Key);

impl Increment {
    pub(super) fn of(id: u64) -> Self {
        Self(HITS.key(&id))
    }
}

impl Operation for Read {
    type Output = Option<Bytes>;
    const NAME: &'static str = "bench.read";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Self::Output) -> &'static str {
        if output.is_some() { "hit" } else { "miss" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        redis.get(&self.0).await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        needs_a_server()
    }
}

impl Operation for ReadAlone {
    type Output = Option<Bytes>;
    const NAME: &'static str = "bench.read_alone";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Self::Output) -> &'static str {
        if output.is_some() { "hit" } else { "miss" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        redis.send(Cmd::new("GET").key(&self.0)).await?.into_optional_bytes()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        needs_a_server()
    }
}

impl Operation for Increment {
    type Output = i64;
    const NAME: &'static str = "bench.increment";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &i64) -> &'static str {
        "counted"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<i64> {
        redis.send(Cmd::new("INCR").key(&self.0)).await?.into_int()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<i64> {
        needs_a_server()
    }
}

fn needs_a_server<T>() -> Result<T> {
    Err(Error::unsupported("the benchmark of the door measures a server"))
}
