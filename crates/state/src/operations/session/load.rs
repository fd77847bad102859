use bytes::Bytes;
use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};

use super::{EFFECT, Place, Term, Version, change, timestamp};

static LOAD: Script =
    Script::new("session.load", concat!(include_str!("session.lua"), include_str!("load.lua")));

/// Reads a session; one that slides and has lived through a tenth of its time is prolonged.
#[derive(Clone, Debug)]
pub struct LoadSession {
    place: Place,
    slides: Option<Term>,
}

/// A session as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// Its version, which a later save names.
    pub version: Version,
    /// Its value.
    pub value: Bytes,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl LoadSession {
    /// Reads the session at `place`.
    #[must_use]
    pub const fn new(place: Place) -> Self {
        Self { place, slides: None }
    }

    /// Prolongs it by reading it.
    #[must_use]
    pub const fn sliding(mut self, term: Term) -> Self {
        self.slides = Some(term);
        self
    }
}

impl Operation for LoadSession {
    type Output = Option<Loaded>;
    const NAME: &'static str = "session.load";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.place.outage
    }

    fn outcome(output: &Option<Loaded>) -> &'static str {
        if output.is_some() { "found" } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<Loaded>> {
        let (ttl, most) = self.slides.map_or((0, 0), |term| (term.ttl.as_millis(), term.at_most_millis()));
        let call = redis.script(&LOAD).key(&self.place.owner).arg(self.place.digest.as_str());
        let answer = call.arg(ttl).arg(most).invoke().await?;
        if answer.is_nil() {
            return Ok(None);
        }
        let [version, value, created, ends] = <[_; 4]>::try_from(answer.into_array()?)
            .map_err(|_| Error::protocol("expected the parts of a session"))?;
        let (created_at, ends_at) = (timestamp(created)?, timestamp(ends)?);
        let version = Version(version.into_text()?);
        Ok(Some(Loaded { version, value: value.into_bytes()?, created_at, ends_at }))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<Loaded>> {
        let Place { owner, digest, .. } = &self.place;
        change(memory, owner, now, |owned| {
            let mut kept = owned.live(digest, now)?.clone();
            let value = kept.value.clone()?;
            if let Some(term) = self.slides {
                let left = kept.ends.since(now).as_micros();
                if left < u128::from(term.ttl.as_millis()) * 900 {
                    kept.seen = kept.seen.max(now);
                    kept.ends = term.ends_at(kept.created, now);
                    owned.put(digest, kept.clone());
                }
            }
            let (created_at, ends_at) = (kept.created, kept.ends);
            Some(Loaded { version: kept.version, value, created_at, ends_at })
        })
    }
}
