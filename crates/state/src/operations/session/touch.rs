use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};

use super::{EFFECT, Place, Term, change, timestamp};

static TOUCH: Script =
    Script::new("session.touch", concat!(include_str!("session.lua"), include_str!("touch.lua")));

/// Prolongs a session and leaves its value alone; answers when it ends, none if there is none.
#[derive(Clone, Debug)]
pub struct TouchSession {
    place: Place,
    term: Term,
}

impl TouchSession {
    /// Prolongs the session at `place`.
    #[must_use]
    pub const fn new(place: Place, term: Term) -> Self {
        Self { place, term }
    }
}

impl Operation for TouchSession {
    type Output = Option<Timestamp>;
    const NAME: &'static str = "session.touch";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.place.outage
    }

    fn outcome(output: &Option<Timestamp>) -> &'static str {
        if output.is_some() { "touched" } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<Timestamp>> {
        let call = redis.script(&TOUCH).key(&self.place.owner).arg(self.place.digest.as_str());
        let call = call.arg(self.term.ttl.as_millis()).arg(self.term.at_most_millis());
        let ends_at = timestamp(call.invoke().await?)?;
        Ok((ends_at > Timestamp::default()).then_some(ends_at))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<Timestamp>> {
        let Place { owner, digest, .. } = &self.place;
        change(memory, owner, now, |owned| {
            let mut kept = owned.live(digest, now)?.clone();
            kept.seen = kept.seen.max(now);
            kept.ends = self.term.ends_at(kept.created, now);
            let ends_at = kept.ends;
            owned.put(digest, kept);
            Some(ends_at)
        })
    }
}
