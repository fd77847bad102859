use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value};

use super::{EFFECT, Place, Term, Version, change, timestamp};

static SAVE: Script =
    Script::new("session.save", concat!(include_str!("session.lua"), include_str!("save.lua")));

/// Writes the value of a session that is there; one that has ended stays so.
#[derive(Clone, Debug)]
pub struct SaveSession {
    place: Place,
    read: Option<Version>,
    version: Version,
    value: Bytes,
    prolonged: Option<Term>,
}

/// What came of saving a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Saved {
    /// It is written.
    Written {
        /// When the session ends.
        ends_at: Timestamp,
    },
    /// Another has saved meanwhile.
    Conflict,
    /// The session has ended.
    Gone,
}

impl SaveSession {
    /// Writes `value`, whatever was written before, as `version`.
    #[must_use]
    pub const fn new(place: Place, version: Version, value: Bytes) -> Self {
        Self { place, read: None, version, value, prolonged: None }
    }

    /// Writes only if nobody has since this version was read.
    #[must_use]
    pub fn if_still(mut self, version: Version) -> Self {
        self.read = Some(version);
        self
    }

    /// Prolongs the session as well.
    #[must_use]
    pub const fn prolonged(mut self, term: Term) -> Self {
        self.prolonged = Some(term);
        self
    }
}

impl Operation for SaveSession {
    type Output = Saved;
    const NAME: &'static str = "session.save";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.place.outage
    }

    fn outcome(output: &Saved) -> &'static str {
        match output {
            Saved::Written { .. } => "written",
            Saved::Conflict => "conflict",
            Saved::Gone => "gone",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Saved> {
        let read = self.read.as_ref().map_or("", |read| &read.0);
        let (ttl, most) = self.prolonged.map_or((0, 0), |term| (term.ttl.as_millis(), term.at_most_millis()));
        let call = redis.script(&SAVE).key(&self.place.owner).arg(self.place.digest.as_str());
        let call = call.arg(read).arg(&self.version.0).arg(&self.value).arg(ttl).arg(most);
        let mut parts = call.invoke().await?.into_array()?.into_iter();
        let mut next = || parts.next().unwrap_or(Value::Nil);
        Ok(match next().into_int()? {
            1 => Saved::Written { ends_at: timestamp(next())? },
            0 => Saved::Conflict,
            _ => Saved::Gone,
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Saved> {
        let Self { place: Place { owner, digest, .. }, read, version, value, prolonged } = self;
        change(memory, owner, now, |owned| {
            let Some(mut kept) = owned.live(digest, now).cloned() else { return Saved::Gone };
            if kept.version != *version {
                if read.as_ref().is_some_and(|read| *read != kept.version) {
                    return Saved::Conflict;
                }
                kept.version = version.clone();
                kept.seen = kept.seen.max(now);
                kept.value = Some(value.clone());
                if let Some(term) = prolonged {
                    kept.ends = term.ends_at(kept.created, now);
                }
                owned.put(digest, kept.clone());
            }
            Saved::Written { ends_at: kept.ends }
        })
    }
}
