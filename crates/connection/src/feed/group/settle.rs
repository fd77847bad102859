//! What becomes of entries that were given out.

use std::time::Duration;

use super::{
    super::{
        Cursor,
        memory::{find_stream, with_stream},
    },
    Member,
};
use crate::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};

static LEAVE: Script = Script::new("feed.leave", include_str!("leave.lua"));

/// Who has what nobody has. No consumer has this name by itself: theirs are not empty of letters.
const NOBODY: &str = "-";
/// For how long what was given back seems to have been out: longer than any patience.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

/// Settles entries: they are not given to anybody of the group again.
#[derive(Clone, Debug)]
pub struct Acknowledge {
    member: Member,
    settled: Vec<Cursor>,
}

impl Acknowledge {
    /// Settles these entries, whoever of the group has them.
    #[must_use]
    pub const fn new(member: Member, settled: Vec<Cursor>) -> Self {
        Self { member, settled }
    }
}

impl Operation for Acknowledge {
    /// How many of them were not settled before.
    type Output = usize;
    const NAME: &'static str = "feed.acknowledge";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &usize) -> &'static str {
        "settled"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<usize> {
        if self.settled.is_empty() {
            return Ok(0);
        }
        let acknowledge = Cmd::new("XACK").key(&self.member.stream).arg(&self.member.group);
        let ids = self.settled.iter().map(ToString::to_string);
        let settled = redis.send(ids.fold(acknowledge, Cmd::arg)).await?.into_int()?;
        count(settled)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<usize> {
        let Member { stream: key, group, .. } = &self.member;
        memory.with(&[key], now, |tx| {
            let Some(handle) = find_stream(tx, key) else { return Ok(0) };
            Ok(with_stream(&handle, |stream| {
                let Some(group) = stream.known_group(group) else { return 0 };
                self.settled.iter().filter(|cursor| group.acknowledge(**cursor)).count()
            }))
        })
    }
}

/// Gives back what a consumer has, so that others take it when they next take over, and forgets the consumer.
#[derive(Clone, Debug)]
pub struct LeaveGroup {
    member: Member,
}

impl LeaveGroup {
    /// Has this consumer leave its group.
    #[must_use]
    pub const fn new(member: Member) -> Self {
        Self { member }
    }
}

impl Operation for LeaveGroup {
    /// How many entries were given back.
    type Output = usize;
    const NAME: &'static str = "feed.leave";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &usize) -> &'static str {
        "left"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<usize> {
        let Member { stream, group, consumer } = &self.member;
        let call = redis.script(&LEAVE).key(stream).arg(group).arg(consumer).arg(NOBODY);
        let out = u64::try_from(FOR_EVER.as_millis()).unwrap_or(u64::MAX);
        count(call.arg(out).invoke().await?.into_int()?)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<usize> {
        let Member { stream: key, group, consumer } = &self.member;
        memory.with(&[key], now, |tx| {
            let Some(handle) = find_stream(tx, key) else { return Ok(0) };
            Ok(with_stream(&handle, |stream| {
                stream.known_group(group).map_or(0, |group| group.give_back(consumer))
            }))
        })
    }
}

fn count(answer: i64) -> Result<usize> {
    usize::try_from(answer).map_err(|_| Error::protocol("expected how many entries those were"))
}
