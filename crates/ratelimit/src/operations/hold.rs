use std::{slice, time::Duration};

use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{keep, small, unsigned};
use crate::{Concurrency, Subject, rule::micros};

static HOLD: Script = Script::new("ratelimit.hold", include_str!("hold.lua"));

/// Takes, keeps or gives back a place among those that may work at the same time.
///
/// A holder that crashes loses its place when its lease ends. Each step may be repeated: who has a
/// place and enters again, has the same place.
#[derive(Clone, Debug)]
pub struct Hold {
    verb: Verb,
    key: Key,
    places: u32,
    lease: Duration,
    token: u64,
    least_ttl: Ttl,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Holding {
    /// Whether the token has a place now.
    pub is_held: bool,
    /// How many places are left.
    pub left: u32,
    /// Time until the first lease of the others ends, where the token has no place.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verb {
    Enter,
    Stay,
    Leave,
}

/// The holders in the embedded store, each with the moment at which its lease ends.
#[derive(Clone, Debug, Default)]
struct Holders(Vec<(u64, u64)>);

impl Hold {
    /// Takes a place, if one is free.
    #[must_use]
    pub fn enter(limit: &Concurrency, subject: &Subject, token: u64, least_ttl: Ttl) -> Self {
        let (key, places, lease) = (limit.entity().key(subject), limit.places(), limit.lease_time());
        Self { verb: Verb::Enter, key, places, lease, token, least_ttl }
    }

    /// The same place for another lease, if the token still has it.
    #[must_use]
    pub fn stay(&self) -> Self {
        Self { verb: Verb::Stay, ..self.clone() }
    }

    /// Gives the place back.
    #[must_use]
    pub fn leave(&self) -> Self {
        Self { verb: Verb::Leave, ..self.clone() }
    }
}

impl Operation for Hold {
    type Output = Holding;
    const NAME: &'static str = "ratelimit.hold";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Holding) -> &'static str {
        if output.is_held { "held" } else { "free" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Holding> {
        let Self { verb, key, places, lease, token, least_ttl } = self;
        let script = redis.script(&HOLD).key(key).arg(verb.name()).arg(*places).arg(micros(*lease));
        let answer = script.arg(*token).arg(keep(*least_ttl)).invoke().await?.into_array()?;
        let [is_held, left, wait] = <[_; 3]>::try_from(answer)
            .map_err(|_| Error::protocol("expected three numbers from a concurrency limit"))?;
        let (left, wait) = (small(left.into_int()?)?, unsigned(wait.into_int()?)?);
        Ok(Holding::new(is_held.into_int()? == 1, left, wait))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Holding> {
        let Self { verb, key, places, lease, token, .. } = self;
        let (moment, lease) = (now.as_micros(), micros(*lease));
        memory.with(slice::from_ref(&key), now, |tx| {
            let mut holders = tx.get::<Holders>(key).map(|holders| (*holders).clone()).unwrap_or_default();
            let ends_at = moment.saturating_add(lease);
            let is_ahead = holders.0.iter().any(|(_, until)| ends_at < *until);
            holders.0.iter_mut().for_each(|(_, until)| *until = ends_at.min(*until));
            let mut live = holders.clone();
            live.0.retain(|(_, until)| moment < *until);
            let before = live.0.len();
            live.0.retain(|(holder, _)| holder != token);
            let was_held = live.0.len() < before;
            let has_room = u32::try_from(before).is_ok_and(|used| used < *places);
            let is_held = match verb {
                Verb::Leave => false,
                Verb::Stay => was_held,
                Verb::Enter => was_held || has_room,
            };
            let mut changed = is_ahead;
            if is_held {
                live.0.push((*token, ends_at));
            }
            if is_held || *verb == Verb::Leave {
                holders = live.clone();
                changed = true;
            }
            let used = u32::try_from(live.0.len()).unwrap_or(u32::MAX);
            let first = live.0.iter().map(|(_, until)| until - moment).min();
            let wait = if is_held { 0 } else { first.unwrap_or(0) };
            let last = holders.0.iter().map(|(_, until)| *until).max();
            match last {
                Some(last) if changed => tx.put(key, holders, Timestamp::from_micros(last))?,
                None if changed => drop(tx.remove(key)),
                _ => {}
            }
            Ok(Holding::new(is_held, places.saturating_sub(used), wait))
        })
    }
}

impl Holding {
    fn new(is_held: bool, left: u32, wait: u64) -> Self {
        let retry_after = (0 < wait).then(|| Duration::from_micros(wait));
        Self { is_held, left, retry_after }
    }
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Stay => "stay",
            Self::Leave => "leave",
        }
    }
}
