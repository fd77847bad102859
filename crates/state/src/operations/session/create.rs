use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value};

use super::{EFFECT, Kept, Place, Term, Version, change, timestamp};
use crate::Digest;

static CREATE: Script =
    Script::new("session.create", concat!(include_str!("session.lua"), include_str!("create.lua")));

/// Opens a session, in the place of another of the same owner where that is said.
#[derive(Clone, Debug)]
pub struct CreateSession {
    place: Place,
    version: Version,
    value: Bytes,
    term: Term,
    most: u32,
    replaced: Option<(Digest, Version)>,
}

/// What came of opening a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Created {
    /// It is open.
    Open {
        /// Until when.
        ends_at: Timestamp,
    },
    /// There is one at this place, or what it takes the place of has changed.
    Taken,
    /// What it takes the place of has ended.
    Gone,
}

impl CreateSession {
    /// Opens a session of an owner who may have `most`; those that were seen the longest ago end.
    #[must_use]
    pub const fn new(place: Place, version: Version, value: Bytes, term: Term, most: u32) -> Self {
        Self { place, version, value, term, most, replaced: None }
    }

    /// Ends this session of the same owner in the same step, if it is as it was read.
    #[must_use]
    pub fn in_place_of(mut self, digest: Digest, version: Version) -> Self {
        self.replaced = Some((digest, version));
        self
    }
}

impl Operation for CreateSession {
    type Output = Created;
    const NAME: &'static str = "session.create";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.place.outage
    }

    fn outcome(output: &Created) -> &'static str {
        match output {
            Created::Open { .. } => "open",
            Created::Taken => "taken",
            Created::Gone => "gone",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Created> {
        let Place { owner, digest, .. } = &self.place;
        let (old, old_version) = match &self.replaced {
            Some((digest, version)) => (digest.as_str(), version.0.as_str()),
            None => ("", ""),
        };
        let call = redis.script(&CREATE).key(owner).arg(digest.as_str()).arg(&self.version.0);
        let call = call.arg(&self.value).arg(self.term.ttl.as_millis()).arg(self.term.at_most_millis());
        let answer = call.arg(self.most).arg(old).arg(old_version).invoke().await?;
        let mut parts = answer.into_array()?.into_iter();
        let mut next = || parts.next().unwrap_or(Value::Nil);
        Ok(match next().into_int()? {
            1 => Created::Open { ends_at: timestamp(next())? },
            0 => Created::Taken,
            _ => Created::Gone,
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Created> {
        let Self { place, version, value, term, most, replaced } = self;
        change(memory, &place.owner, now, |owned| {
            if let Some(before) = owned.get(&place.digest, now) {
                let is_ours = before.version == *version;
                return if is_ours { Created::Open { ends_at: before.ends } } else { Created::Taken };
            }
            let mut created = now;
            if let Some((old, old_version)) = replaced {
                let Some(before) = owned.live(old, now) else { return Created::Gone };
                if before.version != *old_version {
                    return Created::Taken;
                }
                created = before.created;
                owned.0.remove(old.as_str());
            }
            let mut others: Vec<_> =
                owned.all(now).map(|(digest, kept)| (kept.seen, digest.clone())).collect();
            others.sort();
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            for (_, digest) in others.iter().take((others.len() + 1).saturating_sub(most)) {
                owned.0.remove(digest);
            }
            let ends = term.ends_at(created, now);
            let (version, value) = (version.clone(), Some(value.clone()));
            owned.put(&place.digest, Kept { version, created, seen: now, ends, value });
            Created::Open { ends_at: ends }
        })
    }
}
