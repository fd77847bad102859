//! Putting an invalidation off to a moment, and taking that back.

use std::time::Duration;

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{
    publish::LIFETIME,
    queue::{self, Queue},
};
use crate::event::{DUE, ENTITY, stream};

static SCHEDULE: Script = Script::new("cache.schedule", include_str!("schedule.lua"));

/// About how many changes the stream keeps.
const STREAM_CAP: u32 = 10_000;

/// Puts an invalidation into the queue of an entity.
///
/// What waits for one moment is there once, however often it is put in.
#[derive(Clone, Debug)]
pub struct Schedule {
    queue: Key,
    moment: Moment,
    what: Bytes,
    key: Option<Key>,
    kept: Ttl,
    most: u32,
    farthest: Duration,
    entity: String,
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    At(Timestamp),
    In(Duration),
}

/// What became of an invalidation that is to be done later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Scheduling {
    /// It waits.
    Waits {
        /// Its moment, by the store's clock.
        at: Timestamp,
        /// Until then.
        wait: Duration,
    },
    /// As many as may wait do already.
    Full,
    /// The moment is farther ahead than may be.
    TooFar,
}

impl Schedule {
    /// What is invalidated at a moment, or at once when that has passed.
    ///
    /// `key` is what the embedded store knows it by, where it is one value. At most `most` wait, and none for
    /// longer than `farthest`.
    #[must_use]
    pub fn at(queue: Key, moment: Timestamp, what: Bytes, key: Option<Key>) -> Self {
        Self::new(queue, Moment::At(moment), what, key)
    }

    /// What is invalidated after a time.
    #[must_use]
    pub fn after(queue: Key, time: Duration, what: Bytes, key: Option<Key>) -> Self {
        Self::new(queue, Moment::In(time), what, key)
    }

    fn new(queue: Key, moment: Moment, what: Bytes, key: Option<Key>) -> Self {
        let (most, farthest) = (u32::MAX, Duration::MAX);
        Self { queue, moment, what, key, kept: Ttl::days(1), most, farthest, entity: String::new() }
    }

    /// At most so many wait, none for longer than `farthest`. Defaults to no bounds.
    #[must_use]
    pub const fn bounded(mut self, most: u32, farthest: Duration) -> Self {
        self.most = most;
        self.farthest = farthest;
        self
    }

    /// For how long a value of before the moment may live: the queue is kept until then. Defaults to a day.
    #[must_use]
    pub const fn kept(mut self, kept: Ttl) -> Self {
        self.kept = kept;
        self
    }

    /// What the processes that hear of it call the entity. Defaults to nothing.
    #[must_use]
    pub fn entity(mut self, entity: String) -> Self {
        self.entity = entity;
        self
    }
}

/// How a queue calls what is invalidated at a moment.
fn member(at: u64, what: &[u8]) -> Bytes {
    let mut member = format!("{at}:").into_bytes();
    member.extend_from_slice(what);
    Bytes::from(member)
}

/// What is invalidated, as a queue has it.
pub(crate) fn what_of(member: &[u8]) -> Option<&[u8]> {
    let colon = member.iter().position(|byte| *byte == b':')?;
    member.get(colon + 1..)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Operation for Schedule {
    type Output = Scheduling;
    const NAME: &'static str = "cache.schedule";

    /// At a moment it is the same once more; after a time it would be another moment.
    fn effect(&self) -> Effect {
        match self.moment {
            Moment::At(_) => Effect::Idempotent,
            Moment::In(_) => Effect::Once,
        }
    }

    /// Whoever counts on it must know that nobody keeps it.
    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Scheduling) -> &'static str {
        match output {
            Scheduling::Waits { .. } => "waits",
            Scheduling::Full => "full",
            Scheduling::TooFar => "too_far",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Scheduling> {
        let call = redis.script(&SCHEDULE).key(&self.queue).key(&stream());
        let call = match self.moment {
            Moment::At(at) => call.arg(at.as_micros()).arg(""),
            Moment::In(time) => call.arg("").arg(micros(time)),
        };
        let call = call.arg(&self.what).arg(self.kept.as_millis()).arg(self.most).arg(micros(self.farthest));
        let call = call.arg(LIFETIME.as_millis()).arg(STREAM_CAP);
        let call = call.arg(ENTITY).arg(&self.entity).arg(DUE);
        let answer = call.invoke().await?.into_array()?.into_iter();
        let numbers: Vec<i64> = answer.map(redstart_connection::Value::into_int).collect::<Result<_>>()?;
        let number = |index: usize| numbers.get(index).and_then(|number| u64::try_from(*number).ok());
        match (number(0), number(1), number(2)) {
            (Some(1), Some(at), Some(wait)) => {
                Ok(Scheduling::Waits { at: Timestamp::from_micros(at), wait: Duration::from_micros(wait) })
            }
            (Some(2), ..) => Ok(Scheduling::Full),
            (Some(3), ..) => Ok(Scheduling::TooFar),
            _ => Err(Error::protocol("what is scheduled is answered by three numbers")),
        }
    }

    /// The embedded store has no other processes that would have to hear of it.
    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Scheduling> {
        let at = match self.moment {
            Moment::At(at) => at,
            Moment::In(time) => now.saturating_add(time),
        };
        let wait = at.since(now);
        if self.farthest < wait {
            return Ok(Scheduling::TooFar);
        }
        let until = now.saturating_add(wait).saturating_add(self.kept.as_duration());
        memory.with(&[&self.queue], now, |tx| {
            queue::change(tx, &self.queue, until, |queue: &mut Queue| {
                let member = member(at.as_micros(), &self.what);
                let is_full = usize::try_from(self.most).is_ok_and(|most| most <= queue.len());
                if is_full && !queue.contains(&member) {
                    return Scheduling::Full;
                }
                queue.put(member, at.as_micros(), self.key.clone());
                Scheduling::Waits { at, wait }
            })
        })
    }
}

/// Takes an invalidation out of the queue again.
#[derive(Clone, Debug)]
pub struct Unschedule {
    queue: Key,
    member: Bytes,
}

impl Unschedule {
    /// What waits for a moment.
    #[must_use]
    pub fn new(queue: Key, at: Timestamp, what: &[u8]) -> Self {
        Self { queue, member: member(at.as_micros(), what) }
    }
}

impl Operation for Unschedule {
    /// Whether it was there.
    type Output = bool;
    const NAME: &'static str = "cache.unschedule";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &bool) -> &'static str {
        if *output { "cancelled" } else { "absent" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        Ok(redis.send(Cmd::new("ZREM").key(&self.queue).arg(&self.member)).await?.into_int()? > 0)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        memory.with(&[&self.queue], now, |tx| {
            queue::change(tx, &self.queue, Timestamp::default(), |queue| queue.remove(&self.member))
        })
    }
}
