//! Taking what is due, and striking it off when it is done.

use std::time::Duration;

use bytes::Bytes;
use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::Key;

use super::queue::{self, Queue};

static TAKE_DUE: Script = Script::new("cache.take_due", include_str!("take_due.lua"));
static FINISH_DUE: Script = Script::new("cache.finish_due", include_str!("finish_due.lua"));
static WAITING: Script = Script::new("cache.waiting", include_str!("waiting.lua"));

/// Something whose moment has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Due {
    /// The number of its queue.
    pub(crate) queue: usize,
    pub(crate) member: Bytes,
    /// When somebody else may take it.
    ends: u64,
    /// What the embedded store knows it by.
    pub(crate) key: Option<Key>,
}

impl Due {
    /// The number of its queue, from 0.
    #[must_use]
    pub const fn queue(&self) -> usize {
        self.queue
    }

    /// Its moment and what it is, as the queue has it.
    #[must_use]
    pub const fn member(&self) -> &Bytes {
        &self.member
    }
}

/// What was taken from queues.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DueNow {
    /// What is due, in the order of the queues and of the moments.
    pub due: Vec<Due>,
    /// Until something is due again, what was taken included; none when nothing waits.
    pub next_in: Option<Duration>,
    /// How many wait in each queue, what was taken included.
    pub waiting: Vec<u64>,
}

/// Takes what is due from queues, each of which is in the same slot.
///
/// It stays in its queue and is due again at the end of the lease, unless [`FinishDue`] strikes it off: so
/// what a process takes and does not do another does.
#[derive(Clone, Debug)]
pub struct TakeDue {
    queues: Vec<Key>,
    lease: Duration,
    most: usize,
}

impl TakeDue {
    /// At most so many, for so long.
    #[must_use]
    pub const fn new(queues: Vec<Key>, lease: Duration, most: usize) -> Self {
        Self { queues, lease, most }
    }

    fn lease_micros(&self) -> u64 {
        u64::try_from(self.lease.as_micros()).unwrap_or(u64::MAX)
    }
}

fn count(value: Value) -> Result<u64> {
    u64::try_from(value.into_int()?).map_err(|_| Error::protocol("a count is never negative"))
}

impl Operation for TakeDue {
    type Output = DueNow;
    const NAME: &'static str = "cache.take_due";

    /// What is taken twice by a lost answer is due at the end of the lease.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &DueNow) -> &'static str {
        if output.due.is_empty() { "none" } else { "due" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<DueNow> {
        let call = self.queues.iter().fold(redis.script(&TAKE_DUE), |call, queue| call.key(queue));
        let answer = call.arg(self.lease_micros()).arg(self.most).invoke().await?;
        let mut answer = answer.into_array()?.into_iter();
        let odd = || Error::protocol("what is due is answered by a time, counts, and threes");
        let next_in = answer.next().ok_or_else(odd)?.into_int()?;
        let next_in = u64::try_from(next_in).ok().map(Duration::from_micros);
        let waiting = answer.by_ref().take(self.queues.len()).map(count).collect::<Result<Vec<_>>>()?;
        let mut due = Vec::new();
        while let Some(number) = answer.next() {
            let (member, ends) = (answer.next().ok_or_else(odd)?, answer.next().ok_or_else(odd)?);
            let queue = usize::try_from(count(number)?).ok().and_then(|number| number.checked_sub(1));
            let queue = queue.filter(|queue| *queue < self.queues.len()).ok_or_else(odd)?;
            let ends = ends.into_text()?.parse().map_err(|_| odd())?;
            due.push(Due { queue, member: member.into_bytes()?, ends, key: None });
        }
        Ok(DueNow { due, next_in, waiting })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<DueNow> {
        let ends = now.as_micros().saturating_add(self.lease_micros());
        let mut left = self.most;
        let mut taken = DueNow::default();
        let keys: Vec<&Key> = self.queues.iter().collect();
        memory.with(&keys, now, |tx| {
            for (number, key) in self.queues.iter().enumerate() {
                let (due, first, waiting) =
                    queue::change(tx, key, Timestamp::default(), |queue: &mut Queue| {
                        let due = queue.take(now.as_micros(), ends, left);
                        (due, queue.first(), queue.len() as u64)
                    })?;
                left -= due.len();
                taken.due.extend(due.into_iter().map(|(member, key)| Due {
                    queue: number,
                    member,
                    ends,
                    key,
                }));
                let ahead = first.map(|first| Timestamp::from_micros(first).since(now));
                taken.next_in = taken.next_in.into_iter().chain(ahead).min();
                taken.waiting.push(waiting);
            }
            Ok(taken)
        })
    }
}

/// Strikes off what was done.
///
/// What was taken by somebody else meanwhile, or put in anew, stays.
#[derive(Clone, Debug)]
pub struct FinishDue {
    queues: Vec<Key>,
    done: Vec<Due>,
}

impl FinishDue {
    /// What [`TakeDue`] took from these queues.
    #[must_use]
    pub const fn new(queues: Vec<Key>, done: Vec<Due>) -> Self {
        Self { queues, done }
    }
}

impl Operation for FinishDue {
    /// How many were struck off.
    type Output = u64;
    const NAME: &'static str = "cache.finish_due";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &u64) -> &'static str {
        "finished"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u64> {
        let call = self.queues.iter().fold(redis.script(&FINISH_DUE), |call, queue| call.key(queue));
        let done = self.done.iter();
        let call = done.fold(call, |call, due| call.arg(due.queue as u64 + 1).arg(&due.member).arg(due.ends));
        count(call.invoke().await?)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<u64> {
        let keys: Vec<&Key> = self.queues.iter().collect();
        memory.with(&keys, now, |tx| {
            let mut struck = 0;
            for due in &self.done {
                let Some(key) = self.queues.get(due.queue) else { continue };
                struck += queue::change(tx, key, Timestamp::default(), |queue: &mut Queue| {
                    u64::from(queue.at(&due.member) == Some(due.ends) && queue.remove(&due.member))
                })?;
            }
            Ok(struck)
        })
    }
}

/// Counts what waits in a queue.
#[derive(Clone, Debug)]
pub struct CountWaiting {
    queue: Key,
}

impl CountWaiting {
    /// What waits in this queue.
    #[must_use]
    pub const fn new(queue: Key) -> Self {
        Self { queue }
    }
}

impl Operation for CountWaiting {
    /// How many, and the moment that comes first.
    type Output = (u64, Option<Timestamp>);
    const NAME: &'static str = "cache.waiting";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "counted"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let mut answer = redis.script(&WAITING).key(&self.queue).invoke().await?.into_array()?.into_iter();
        let (Some(waiting), Some(first)) = (answer.next(), answer.next()) else {
            return Err(Error::protocol("what waits is answered by two numbers"));
        };
        let first = u64::try_from(first.into_int()?).ok().map(Timestamp::from_micros);
        Ok((count(waiting)?, first))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        Ok(memory.with(&[&self.queue], now, |tx| match tx.get_mut::<Queue>(&self.queue) {
            Some((queue, _)) => (queue.len() as u64, queue.first().map(Timestamp::from_micros)),
            None => (0, None),
        }))
    }
}
