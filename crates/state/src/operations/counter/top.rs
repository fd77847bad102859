use std::{cmp::Reverse, collections::BTreeMap};

use redstart_connection::{
    Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::{Key, Ttl};

use super::Batch;

static TOP: Script = Script::new("counter.top", include_str!("top.lua"));

/// What the embedded store keeps of the most counted.
#[derive(Clone, Default)]
struct Ranked(BTreeMap<String, u64>);

/// What it keeps of those who counted: the last batch of each.
#[derive(Clone, Default)]
struct Writers(BTreeMap<String, u64>);

/// Adds a batch to a ranking that keeps its largest members; answers whether it was new.
#[derive(Clone, Debug)]
pub struct AddTop {
    key: Key,
    writers: Key,
    batch: Batch<String>,
    keep: Ttl,
    most: u32,
}

impl AddTop {
    /// Adds `batch`, whose fields are members, to the ranking under `key`.
    #[must_use]
    pub fn new(key: Key, batch: Batch<String>, keep: Ttl, most: u32) -> Self {
        let writers = key.companion("writers");
        Self { key, writers, batch, keep, most }
    }
}

impl Operation for AddTop {
    type Output = bool;
    const NAME: &'static str = "counter.top";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(is_new: &bool) -> &'static str {
        if *is_new { "added" } else { "before" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let Batch { writer, number, amounts } = &self.batch;
        let call = redis.script(&TOP).key(&self.key).key(&self.writers).arg(writer).arg(*number);
        let call = call.arg(self.keep.as_millis()).arg(self.most);
        let call = amounts.iter().fold(call, |call, (member, count)| call.arg(member).arg(*count));
        Ok(call.invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let Batch { writer, number, amounts } = &self.batch;
        memory.with(&[&self.key, &self.writers], now, |tx| {
            let mut writers = tx.get::<Writers>(&self.writers).map(|w| (*w).clone()).unwrap_or_default();
            if writers.0.get(writer).is_some_and(|last| number <= last) {
                return Ok(false);
            }
            writers.0.insert(writer.clone(), *number);
            let mut ranked = tx.get::<Ranked>(&self.key).map(|r| (*r).clone()).unwrap_or_default();
            for (member, count) in amounts {
                *ranked.0.entry(member.clone()).or_default() += count;
            }
            for (member, _) in in_order(&ranked).into_iter().skip(usize::try_from(self.most).unwrap_or(0)) {
                ranked.0.remove(&member);
            }
            let until = now.saturating_add(self.keep.as_duration());
            tx.put(&self.key, ranked, until)?;
            tx.put(&self.writers, writers, until)?;
            Ok(true)
        })
    }
}

/// Reads the most counted, the largest first.
#[derive(Clone, Debug)]
pub struct ReadTop {
    key: Key,
    most: u32,
}

impl ReadTop {
    /// Reads at most `most` members of the ranking under `key`.
    #[must_use]
    pub const fn new(key: Key, most: u32) -> Self {
        Self { key, most }
    }
}

impl Operation for ReadTop {
    type Output = Vec<(String, u64)>;
    const NAME: &'static str = "counter.read_top";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Vec<(String, u64)>) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<(String, u64)>> {
        if self.most == 0 {
            return Ok(Vec::new());
        }
        let read = Cmd::new("ZREVRANGE").key(&self.key).arg(0_u32).arg(self.most - 1).arg("WITHSCORES");
        let mut parts = redis.send(read).await?.into_array()?.into_iter();
        let mut top = Vec::new();
        while let (Some(member), Some(count)) = (parts.next(), parts.next()) {
            top.push((member.into_text()?, score(count)?));
        }
        Ok(top)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<(String, u64)>> {
        memory.with(&[&self.key], now, |tx| {
            let mut top = tx.get::<Ranked>(&self.key).map(|ranked| in_order(&ranked)).unwrap_or_default();
            top.truncate(usize::try_from(self.most).unwrap_or(usize::MAX));
            Ok(top)
        })
    }
}

/// The largest first, and of equals the last by name, as a sorted set has them.
fn in_order(ranked: &Ranked) -> Vec<(String, u64)> {
    let mut members: Vec<_> = ranked.0.iter().map(|(member, count)| (member.clone(), *count)).collect();
    members.sort_by_cached_key(|(member, count)| Reverse((*count, member.clone())));
    members
}

fn score(count: Value) -> Result<u64> {
    let count = count.into_int()?;
    u64::try_from(count).map_err(|_| Error::protocol("expected a count"))
}
