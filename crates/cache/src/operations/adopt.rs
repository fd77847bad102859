//! The stamps that values are judged by.

use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp, Value};
use redstart_keys::{Key, Ttl};

use super::mint::{present_in_memory, present_on_redis};

/// Reads the stamps under some keys, and makes those that are missing.
///
/// A missing stamp may be one that was evicted, and nobody knows how late it was: the present one of the
/// sequencer takes its place, which is later than every value that could be wrong.
#[derive(Clone, Debug)]
pub struct Adopt {
    keys: Vec<Key>,
    sequencer: Key,
    ttl: Ttl,
}

impl Adopt {
    /// The stamps under `keys`, to be kept for `ttl` from now on at least.
    #[must_use]
    pub const fn new(keys: Vec<Key>, sequencer: Key, ttl: Ttl) -> Self {
        Self { keys, sequencer, ttl }
    }
}

impl Operation for Adopt {
    /// The stamps, in the order of the keys.
    type Output = Vec<u64>;
    const NAME: &'static str = "cache.adopt";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(_: &Vec<u64>) -> &'static str {
        "adopted"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<u64>> {
        let extend = |key: &Key| Cmd::new("PEXPIRE").key(key).arg(self.ttl.as_millis()).arg("GT");
        let mut cmds: Vec<Cmd> = self.keys.iter().map(|key| Cmd::new("GET").key(key)).collect();
        cmds.extend(self.keys.iter().map(extend));
        let answers = redis.pipeline(cmds).await?;
        let mut stamps: Vec<Option<u64>> =
            answers.into_iter().take(self.keys.len()).map(stamp).collect::<Result<_>>()?;
        if stamps.iter().any(Option::is_none) {
            // Read after the stamps, so that it is not earlier than whatever was lost.
            let present = present_on_redis(redis, &self.sequencer).await?;
            let missing: Vec<usize> = stamps
                .iter()
                .enumerate()
                .filter(|(_, stamp)| stamp.is_none())
                .map(|(index, _)| index)
                .collect();
            let make = |&index: &usize| {
                let set = Cmd::new("SET").key(&self.keys[index]).arg(present);
                set.arg("NX").arg("GET").arg("PX").arg(self.ttl.as_millis())
            };
            let answers = redis.pipeline(missing.iter().map(make).collect()).await?;
            for (index, answer) in missing.into_iter().zip(answers) {
                stamps[index] = Some(stamp(answer)?.unwrap_or(present));
            }
        }
        Ok(stamps.into_iter().flatten().collect())
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<u64>> {
        let all: Vec<&Key> = self.keys.iter().chain([&self.sequencer]).collect();
        memory.with(&all, now, |tx| {
            let until = now.saturating_add(self.ttl.as_duration());
            let present = present_in_memory(tx, &self.sequencer)?;
            let mut stamps = Vec::with_capacity(self.keys.len());
            for key in &self.keys {
                let stamp = tx.get::<u64>(key).map_or(present, |stamp| *stamp);
                tx.put(key, stamp, until.max(tx.expires_at(key).unwrap_or_default()))?;
                stamps.push(stamp);
            }
            Ok(stamps)
        })
    }
}

fn stamp(value: Value) -> Result<Option<u64>> {
    let stamp = value.into_optional_int()?;
    stamp
        .map(|stamp| u64::try_from(stamp).map_err(|_| Error::protocol("a stamp is never negative")))
        .transpose()
}
