use std::collections::BTreeMap;

use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::Batch;

static ADD: Script = Script::new("counter.add", include_str!("count.lua"));

/// What the embedded store keeps of a counter.
#[derive(Clone, Default)]
struct Counted {
    buckets: BTreeMap<u64, u64>,
    /// The last batch of each writer, and its newest bucket.
    writers: BTreeMap<String, (u64, u64)>,
}

/// Adds a batch to the buckets of a counter; answers whether it was new.
#[derive(Clone, Debug)]
pub struct AddCounts {
    key: Key,
    batch: Batch<u64>,
    keep: Ttl,
    oldest: u64,
}

impl AddCounts {
    /// Adds `batch`, whose fields are buckets, and drops the buckets before `oldest`.
    #[must_use]
    pub const fn new(key: Key, batch: Batch<u64>, keep: Ttl, oldest: u64) -> Self {
        Self { key, batch, keep, oldest }
    }
}

impl Operation for AddCounts {
    type Output = bool;
    const NAME: &'static str = "counter.add";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        // The process keeps the batch by itself.
        Outage::Fail
    }

    fn outcome(is_new: &bool) -> &'static str {
        if *is_new { "added" } else { "before" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let Batch { writer, number, amounts } = &self.batch;
        let call = redis.script(&ADD).key(&self.key).arg(writer).arg(*number);
        let call = call.arg(self.keep.as_millis()).arg(self.oldest);
        let call = amounts.iter().fold(call, |call, (bucket, count)| call.arg(*bucket).arg(*count));
        Ok(call.invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let Batch { writer, number, amounts } = &self.batch;
        memory.with(&[&self.key], now, |tx| {
            let mut counted = tx.get::<Counted>(&self.key).map(|c| (*c).clone()).unwrap_or_default();
            if counted.writers.get(writer).is_some_and(|(last, _)| number <= last) {
                return Ok(false);
            }
            let mut is_new = false;
            for (bucket, count) in amounts {
                let total = counted.buckets.entry(*bucket).or_default();
                *total = total.saturating_add(*count);
                is_new |= total == count;
            }
            let newest = amounts.last().map_or(self.oldest, |(bucket, _)| *bucket);
            counted.writers.insert(writer.clone(), (*number, newest));
            if is_new {
                counted.buckets.retain(|bucket, _| self.oldest <= *bucket);
                counted.writers.retain(|_, (_, bucket)| self.oldest <= *bucket);
            }
            tx.put(&self.key, counted, now.saturating_add(self.keep.as_duration()))?;
            Ok(true)
        })
    }
}

/// Reads the buckets of a counter from one to another, both included.
#[derive(Clone, Debug)]
pub struct ReadCounts {
    key: Key,
    from: u64,
    to: u64,
}

impl ReadCounts {
    /// Reads the buckets from `from` to `to`.
    #[must_use]
    pub const fn new(key: Key, from: u64, to: u64) -> Self {
        Self { key, from, to }
    }
}

impl Operation for ReadCounts {
    /// The count of each bucket, in order; those that are not kept count zero.
    type Output = Vec<(u64, u64)>;
    const NAME: &'static str = "counter.read";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Vec<(u64, u64)>) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<(u64, u64)>> {
        let get = (self.from..=self.to).fold(Cmd::new("HMGET").key(&self.key), |get, bucket| get.arg(bucket));
        let counts = redis.send(get).await?.into_array()?;
        let counts = (self.from..=self.to).zip(counts).map(|(bucket, count)| {
            let count = count.into_optional_int()?.unwrap_or(0);
            Ok((bucket, u64::try_from(count).map_err(|_| Error::protocol("expected a count"))?))
        });
        counts.collect()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<(u64, u64)>> {
        memory.with(&[&self.key], now, |tx| {
            let counted = tx.get::<Counted>(&self.key);
            let count = |bucket| counted.as_ref().and_then(|c| c.buckets.get(&bucket).copied()).unwrap_or(0);
            Ok((self.from..=self.to).map(|bucket| (bucket, count(bucket))).collect())
        })
    }
}
