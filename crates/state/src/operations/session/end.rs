use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{EFFECT, Place, REMEMBERED, Version, change, timestamp};
use crate::Digest;

static DESTROY: Script =
    Script::new("session.end", concat!(include_str!("session.lua"), include_str!("destroy.lua")));
static DEPART: Script =
    Script::new("session.depart", concat!(include_str!("session.lua"), include_str!("depart.lua")));
static LIST: Script =
    Script::new("session.list", concat!(include_str!("session.lua"), include_str!("list.lua")));

/// Ends sessions of an owner; answers how many there were.
#[derive(Clone, Debug)]
pub struct EndSessions {
    owner: Key,
    named: Vec<String>,
    others: bool,
    outage: Outage,
}

impl EndSessions {
    /// Ends the session at `place`.
    #[must_use]
    pub fn one(place: &Place) -> Self {
        let named = vec![place.digest.as_str().to_owned()];
        Self { owner: place.owner.clone(), named, others: false, outage: place.outage }
    }

    /// Ends all sessions of the owner but the one at `place`.
    #[must_use]
    pub fn all_but(place: &Place) -> Self {
        Self { others: true, ..Self::one(place) }
    }

    /// Ends all sessions that are kept under `owner`.
    #[must_use]
    pub const fn all(owner: Key, outage: Outage) -> Self {
        Self { owner, named: Vec::new(), others: true, outage }
    }
}

impl Operation for EndSessions {
    type Output = u64;
    const NAME: &'static str = "session.end";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.outage
    }

    fn outcome(ended: &u64) -> &'static str {
        if *ended == 0 { "none" } else { "ended" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u64> {
        let call = redis.script(&DESTROY).key(&self.owner).arg(u64::from(self.others));
        let call = self.named.iter().fold(call, |call, digest| call.arg(digest));
        let ended = call.invoke().await?.into_int()?;
        u64::try_from(ended).map_err(|_| Error::protocol("expected how many sessions there were"))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<u64> {
        change(memory, &self.owner, now, |owned| {
            let ends = |digest: &String| self.others != self.named.contains(digest);
            let ended: Vec<String> =
                owned.all(now).map(|(digest, _)| digest).filter(|digest| ends(digest)).cloned().collect();
            for digest in &ended {
                owned.0.remove(digest);
            }
            u64::try_from(ended.len()).unwrap_or(u64::MAX)
        })
    }
}

/// Ends a session that goes on under another owner, if it is as it was read.
#[derive(Clone, Debug)]
pub struct DepartSession {
    place: Place,
    read: Version,
    token: Version,
}

impl DepartSession {
    /// Ends the session at `place`; `token` names this move and no other.
    #[must_use]
    pub const fn new(place: Place, read: Version, token: Version) -> Self {
        Self { place, read, token }
    }
}

impl Operation for DepartSession {
    /// Whether it has departed; none if it had ended before.
    type Output = Option<bool>;
    const NAME: &'static str = "session.depart";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.place.outage
    }

    fn outcome(output: &Option<bool>) -> &'static str {
        match output {
            Some(true) => "departed",
            Some(false) => "conflict",
            None => "gone",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<bool>> {
        let call = redis.script(&DEPART).key(&self.place.owner).arg(self.place.digest.as_str());
        let millis = u64::try_from(REMEMBERED.as_millis()).unwrap_or(u64::MAX);
        let answer = call.arg(&self.read.0).arg(&self.token.0).arg(millis).invoke().await?;
        Ok(match answer.into_int()? {
            1 => Some(true),
            0 => Some(false),
            _ => None,
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<bool>> {
        let Self { place: Place { owner, digest, .. }, read, token } = self;
        change(memory, owner, now, |owned| {
            let mut kept = owned.get(digest, now)?.clone();
            if kept.version == *token {
                return Some(true);
            }
            kept.value.take()?;
            if kept.version != *read {
                return Some(false);
            }
            kept.version = token.clone();
            kept.ends = now.saturating_add(REMEMBERED);
            owned.put(digest, kept);
            Some(true)
        })
    }
}

/// Lists the sessions of an owner.
#[derive(Clone, Debug)]
pub struct ListSessions {
    owner: Key,
    outage: Outage,
}

/// One session of an owner; nothing in it opens the session.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Listed {
    /// What the server keeps in place of its id; it names the session to whoever ends it.
    pub digest: Digest,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last written or prolonged.
    pub seen_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl ListSessions {
    /// Lists what is kept under `owner`.
    #[must_use]
    pub const fn new(owner: Key, outage: Outage) -> Self {
        Self { owner, outage }
    }
}

impl Operation for ListSessions {
    /// In no order.
    type Output = Vec<Listed>;
    const NAME: &'static str = "session.list";

    fn effect(&self) -> Effect {
        EFFECT
    }

    fn outage(&self) -> Outage {
        self.outage
    }

    fn outcome(output: &Vec<Listed>) -> &'static str {
        if output.is_empty() { "none" } else { "some" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Listed>> {
        let mut parts = redis.script(&LIST).key(&self.owner).invoke().await?.into_array()?.into_iter();
        let mut listed = Vec::new();
        while let (Some(digest), Some(created), Some(seen), Some(ends)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        {
            let digest = digest_of(&digest.into_text()?)?;
            let (created_at, seen_at) = (timestamp(created)?, timestamp(seen)?);
            listed.push(Listed { digest, created_at, seen_at, ends_at: timestamp(ends)? });
        }
        Ok(listed)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Listed>> {
        let listed = change(memory, &self.owner, now, |owned| {
            let list = owned.all(now).map(|(digest, kept)| {
                let (created_at, seen_at, ends_at) = (kept.created, kept.seen, kept.ends);
                Ok(Listed { digest: digest_of(digest)?, created_at, seen_at, ends_at })
            });
            list.collect::<Result<Vec<_>>>()
        });
        listed?
    }
}

fn digest_of(text: &str) -> Result<Digest> {
    text.parse().map_err(|_| Error::protocol("expected the digest of a session"))
}
