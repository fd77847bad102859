//! Which ids are used most, as all processes have told.

use std::{cmp::Ordering, collections::HashMap, slice};

use bytes::Bytes;
use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::{Key, Ttl};

static NOTE: Script = Script::new("cache.note", include_str!("note.lua"));
static POPULAR: Script = Script::new("cache.popular", include_str!("popular.lua"));

/// Where uses are counted, and how fast they are forgotten.
#[derive(Clone, Debug)]
pub struct Ranking {
    key: Key,
    half_life: Ttl,
    most: u32,
}

impl Ranking {
    /// The ranking under `key`: at most `most` ids, whose uses weigh half after `half_life`.
    #[must_use]
    pub const fn new(key: Key, half_life: Ttl, most: u32) -> Self {
        Self { key, half_life, most }
    }

    /// After so long a use weighs less than a thousandth.
    fn lifetime(&self) -> Ttl {
        Ttl::new(self.half_life.as_duration().saturating_mul(10)).unwrap_or(Ttl::MAX)
    }

    /// The logarithm by which a weight of the epoch has shrunk.
    #[expect(clippy::cast_precision_loss, reason = "the script calculates in floating point as well")]
    fn elapsed(&self, now: Timestamp) -> f64 {
        now.as_micros() as f64 * (2_f64.ln() / (self.half_life.as_millis() as f64 * 1_000.0))
    }
}

/// What the embedded store keeps: ids with their scores, as the sorted set has them.
#[derive(Clone, Default)]
struct Scores(HashMap<Bytes, f64>);

impl Scores {
    /// The highest first, as the server orders them.
    fn ranked(&self) -> Vec<(&Bytes, f64)> {
        let mut ranked: Vec<_> = self.0.iter().map(|(id, score)| (id, *score)).collect();
        let order = |left: &(&Bytes, f64), right: &(&Bytes, f64)| -> Ordering {
            right.1.total_cmp(&left.1).then_with(|| right.0.cmp(left.0))
        };
        ranked.sort_unstable_by(order);
        ranked
    }
}

/// A weight that a score stands for; bounded, for a clock that steps far back.
fn weight(score: f64, elapsed: f64) -> f64 {
    (score - elapsed).min(30.0).exp()
}

/// Adds uses to a ranking.
#[derive(Clone, Debug)]
pub struct NoteUses {
    ranking: Ranking,
    uses: Vec<(Bytes, u64)>,
}

impl NoteUses {
    /// So many uses of each of these ids; an id without any is left out.
    #[must_use]
    pub fn new(ranking: Ranking, uses: Vec<(Bytes, u64)>) -> Self {
        let uses = uses.into_iter().filter(|(_, count)| 0 < *count).collect();
        Self { ranking, uses }
    }
}

impl Operation for NoteUses {
    /// How many ids are ranked now.
    type Output = u64;
    const NAME: &'static str = "cache.note";

    /// Twice would count twice.
    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &u64) -> &'static str {
        "noted"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u64> {
        let Ranking { key, half_life, most } = &self.ranking;
        let call = redis.script(&NOTE).key(key).arg(half_life.as_millis()).arg(*most);
        let call = call.arg(self.ranking.lifetime().as_millis());
        let call = self.uses.iter().fold(call, |call, (id, count)| call.arg(id).arg(*count));
        let ranked = call.invoke().await?.into_int()?;
        u64::try_from(ranked).map_err(|_| Error::protocol("a ranking is never smaller than nothing"))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<u64> {
        let Ranking { key, most, .. } = &self.ranking;
        let elapsed = self.ranking.elapsed(now);
        memory.with(slice::from_ref(&key), now, |tx| {
            let mut scores = tx.get::<Scores>(key).map_or_else(Scores::default, |scores| (*scores).clone());
            for (id, count) in &self.uses {
                #[expect(clippy::cast_precision_loss, reason = "the script takes it for a float as well")]
                let more = *count as f64;
                let before = scores.0.get(id).map_or(0.0, |score| weight(*score, elapsed));
                scores.0.insert(id.clone(), elapsed + (more + before).ln());
            }
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            let surplus = scores.ranked().into_iter().skip(most).map(|(id, _)| id.clone());
            for id in surplus.collect::<Vec<_>>() {
                scores.0.remove(&id);
            }
            let ranked = scores.0.len() as u64;
            if 0 < ranked {
                tx.put(key, scores, now.saturating_add(self.ranking.lifetime().as_duration()))?;
            }
            Ok(ranked)
        })
    }
}

/// Reads the most used of a ranking.
#[derive(Clone, Debug)]
pub struct Popular {
    ranking: Ranking,
    most: u32,
}

impl Popular {
    /// At most so many.
    #[must_use]
    pub const fn new(ranking: Ranking, most: u32) -> Self {
        Self { ranking, most }
    }
}

impl Operation for Popular {
    /// Ids with their present weight in thousandths of a use, the most used first.
    type Output = Vec<(Bytes, u64)>;
    const NAME: &'static str = "cache.popular";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Self::Output) -> &'static str {
        if output.is_empty() { "none" } else { "found" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let Ranking { key, half_life, .. } = &self.ranking;
        if self.most == 0 {
            return Ok(Vec::new());
        }
        let call = redis.script(&POPULAR).key(key).arg(half_life.as_millis()).arg(self.most);
        let mut ranked = call.invoke().await?.into_array()?.into_iter();
        let mut pair = || Some((ranked.next()?, ranked.next()?));
        let read = |(id, weight): (Value, Value)| {
            let weight = u64::try_from(weight.into_int()?);
            Ok((id.into_bytes()?, weight.map_err(|_| Error::protocol("a weight is never negative"))?))
        };
        std::iter::from_fn(&mut pair).map(read).collect()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        let Ranking { key, .. } = &self.ranking;
        let elapsed = self.ranking.elapsed(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded by e to the 30, and an exponential is never negative"
        )]
        let thousandths = |score: f64| (1_000.0 * weight(score, elapsed) + 0.5).floor() as u64;
        Ok(memory.with(slice::from_ref(&key), now, |tx| {
            let Some(scores) = tx.get::<Scores>(key) else { return Vec::new() };
            let most = usize::try_from(self.most).unwrap_or(usize::MAX);
            let ranked = scores.ranked().into_iter().take(most);
            ranked.map(|(id, score)| (id.clone(), thousandths(score))).collect()
        }))
    }
}
