//! Operations: each atomic step on the store is a value with two bodies.

use std::{future::Future, pin::Pin};

use crate::{Memory, Redis, Replay, Result, Timestamp};

/// A boxed future, for the few places that keep one.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One atomic step on the store.
///
/// The two bodies are one contract: whatever the history, they give the same output. Services write
/// operations of their own the same way the crates of this toolkit do, and get the deadline, the
/// retries, the metrics and the spans of [`Store::run`](crate::Store::run) with them.
///
/// ```
/// use redstart_connection::*;
/// use redstart_keys::{Category, Entity, Key, Ttl};
///
/// const VISITS: Entity<u64> = Entity::new(Category::Counter, "visits").ttl(Ttl::hours(1));
///
/// struct Visit(Key);
///
/// impl Operation for Visit {
///     type Output = i64;
///     const NAME: &'static str = "visits.count";
///     fn effect(&self) -> Effect { Effect::Once }
///     fn outage(&self) -> Outage { Outage::Fail }
///     fn outcome(_: &i64) -> &'static str { "counted" }
///
///     async fn on_redis(&self, redis: &Redis) -> Result<i64> {
///         redis.send(Cmd::new("INCR").key(&self.0)).await?.into_int()
///     }
///
///     fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<i64> {
///         memory.with(&[&self.0], now, |tx| {
///             let count = tx.get::<i64>(&self.0).map_or(1, |count| *count + 1);
///             tx.put(&self.0, count, now.saturating_add(Ttl::hours(1).as_duration()))?;
///             Ok(count)
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let store = Store::memory();
/// assert_eq!(store.run(&Visit(VISITS.key(&7))).await?, 1);
/// assert_eq!(store.run(&Visit(VISITS.key(&7))).await?, 2);
/// # Ok(()) }
/// ```
pub trait Operation: Send + Sync {
    /// What the step answers. Expected refusals are values here, not errors.
    type Output: Send;

    /// The name in spans, metrics and errors, such as `lock.acquire`.
    const NAME: &'static str;

    /// What may be retried.
    fn effect(&self) -> Effect;

    /// What may be answered without Redis.
    fn outage(&self) -> Outage;

    /// What the server has to hear later when memory answered in its place, or when it is not known
    /// whether the server heard it. Nothing by default.
    fn replay(&self) -> Option<Replay> {
        None
    }

    /// One word for an output, the label of every metric.
    fn outcome(output: &Self::Output) -> &'static str;

    /// The step on Redis: usually one command or one script.
    fn on_redis(&self, redis: &Redis) -> impl Future<Output = Result<Self::Output>> + Send;

    /// The step on the embedded store.
    ///
    /// # Errors
    ///
    /// Fails when the store is full, or cannot do this at all.
    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output>;
}

/// What doing a step twice would mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Effect {
    /// It changes nothing; it may be sent again freely.
    Read,
    /// Twice is the same as once; it may be sent again.
    Idempotent,
    /// It must not happen twice; it is sent again only when it certainly did not happen.
    Once,
}

/// What answers a step while Redis is away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Outage {
    /// Nothing: the caller gets the error.
    Fail,
    /// The process's own memory, until the server is back and has heard of every
    /// [`Operation::replay`].
    UseMemory,
}
