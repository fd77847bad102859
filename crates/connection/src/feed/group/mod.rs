//! Groups: the consumers of one share the entries of a stream, and each entry is settled by one of them.

mod pending;
mod settle;

use std::time::Duration;

use redstart_keys::{Key, Ttl};

pub(super) use self::pending::Group;
pub use self::settle::{Acknowledge, LeaveGroup};
use super::{
    Entry, entry,
    memory::{StreamHandle, find_stream, with_stream},
};
use crate::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value};

static READ: Script = Script::new("feed.group", include_str!("read.lua"));

/// Who reads a stream with others, and under what name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Member {
    pub(super) stream: Key,
    pub(super) group: String,
    pub(super) consumer: String,
}

impl Member {
    /// The consumer of this name in a group of the stream under `stream`.
    #[must_use]
    pub fn new(stream: Key, group: impl Into<String>, consumer: impl Into<String>) -> Self {
        Self { stream, group: group.into(), consumer: consumer.into() }
    }

    /// The name of the consumer.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.consumer
    }
}

/// Takes entries for a consumer of a group: first those that another has had for too long, then new ones.
///
/// The group is made where it is missing, and begins with the oldest entry that is kept. An entry that was
/// taken is out until it is acknowledged; one that is trimmed from the stream meanwhile is not given again.
#[derive(Clone, Debug)]
pub struct ReadGroup {
    member: Member,
    most: usize,
    patience: Option<Duration>,
    ttl: Ttl,
}

/// An entry that was given to a consumer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Given {
    /// The entry.
    pub entry: Entry,
    /// How often it was given to anybody, this time included.
    pub times: u64,
}

impl ReadGroup {
    /// Takes at most `most` new entries, at least one; a stream that is not there is made, with this TTL.
    #[must_use]
    pub const fn new(member: Member, most: usize, ttl: Ttl) -> Self {
        Self { member, most: if most == 0 { 1 } else { most }, patience: None, ttl }
    }

    /// Takes what anybody has had for at least `patience` as well. Defaults to nothing.
    #[must_use]
    pub const fn taking_over(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }
}

impl Operation for ReadGroup {
    type Output = Vec<Given>;
    const NAME: &'static str = "feed.group";

    fn effect(&self) -> Effect {
        // What is given by an answer that is lost is given again when the patience is over.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(given: &Vec<Given>) -> &'static str {
        if given.is_empty() { "empty" } else { "given" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Given>> {
        let Member { stream, group, consumer } = &self.member;
        let patience =
            self.patience.map_or(-1, |patience| i64::try_from(patience.as_millis()).unwrap_or(i64::MAX));
        let call = redis.script(&READ).key(stream).arg(group).arg(consumer).arg(self.most);
        let given = call.arg(patience).arg(self.ttl.as_millis()).invoke().await?.into_array()?;
        given.into_iter().map(parse).collect()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Given>> {
        let Member { stream: key, group, consumer } = &self.member;
        memory.with(&[key], now, |tx| {
            let handle = match find_stream(tx, key) {
                Some(handle) => handle,
                None => {
                    let handle = StreamHandle::default();
                    tx.put(key, StreamHandle::clone(&handle), now.saturating_add(self.ttl.as_duration()))?;
                    handle
                }
            };
            Ok(with_stream(&handle, |stream| {
                let mut given = Vec::new();
                let (entries, group) = stream.group(group);
                if let Some(patience) = self.patience {
                    given = group.take_over(entries, consumer, now, patience, self.most);
                }
                given.extend(group.take_new(entries, consumer, now, self.most - given.len()));
                given
            }))
        })
    }
}

/// Reads `[id, [name, value, …], times]`.
fn parse(value: Value) -> Result<Given> {
    let mut parts = value.into_array()?;
    let times = parts.pop().ok_or_else(entry::odd)?.into_int()?;
    let times = u64::try_from(times).map_err(|_| entry::odd())?;
    Ok(Given { entry: entry::parse(Value::Array(parts))?, times })
}
