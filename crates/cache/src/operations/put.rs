//! Storing a value that the caller knows to be right.

use std::cmp::Ordering;

use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Replay, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Stored, TICKET, invalidation, weight};
use crate::header::Header;

static PUT: Script = Script::new("cache.put", include_str!("put.lua"));

/// Stores a value if its [`Claim`](crate::Claim) still stands and no newer one is there.
///
/// Where the claim is gone, an older value is removed instead: the claim may have been evicted, and the
/// caller knows of a newer value than that.
#[derive(Clone, Debug)]
pub struct Put {
    key: Key,
    token: String,
    bytes: Bytes,
    ttl: Ttl,
}

/// What became of a stored value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum PutOutcome {
    /// It is stored.
    Stored,
    /// It is not: a newer one was there, or an invalidation or another claim came after its own.
    Superseded,
}

impl Put {
    /// `bytes` under `key`, by the claim `token`, to be kept for `ttl`.
    #[must_use]
    pub const fn new(key: Key, token: String, bytes: Bytes, ttl: Ttl) -> Self {
        Self { key, token, bytes, ttl }
    }
}

impl Operation for Put {
    type Output = PutOutcome;
    const NAME: &'static str = "cache.put";

    /// A put knows its own value again when the answer to its first try was lost.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn replay(&self) -> Option<Replay> {
        invalidation(&self.key)
    }

    fn outcome(output: &PutOutcome) -> &'static str {
        match output {
            PutOutcome::Stored => "stored",
            PutOutcome::Superseded => "superseded",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<PutOutcome> {
        let Self { key, token, bytes, ttl } = self;
        let call = redis.script(&PUT).key(key).key(&key.companion(TICKET));
        let stored = call.arg(token).arg(bytes).arg(ttl.as_millis()).invoke().await?.into_int()?;
        Ok(if stored == 1 { PutOutcome::Stored } else { PutOutcome::Superseded })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<PutOutcome> {
        let Self { key, token, bytes, ttl } = self;
        let ticket = key.companion(TICKET);
        Ok(memory.with(&[key, &ticket], now, |tx| {
            let present = tx.get::<Stored>(key).map(|present| present.0.clone());
            let later = present.as_ref().and_then(|present| compare_stamps(present, bytes));
            if tx.get::<String>(&ticket).is_some_and(|standing| *standing == *token) {
                tx.remove(&ticket);
                if later == Some(Ordering::Greater) {
                    return PutOutcome::Superseded;
                }
                let expires_at = now.saturating_add(ttl.as_duration());
                tx.put_value(key, Stored(bytes.clone()), weight(bytes), expires_at);
                return PutOutcome::Stored;
            }
            if present.as_ref() == Some(bytes) {
                return PutOutcome::Stored;
            }
            if later.is_none_or(Ordering::is_lt) {
                tx.remove(key);
            }
            PutOutcome::Superseded
        }))
    }
}

/// How the stamps of two values compare; none where one of them has no stamp.
fn compare_stamps(present: &[u8], bytes: &[u8]) -> Option<Ordering> {
    Some(Header::stamp(present)?.cmp(&Header::stamp(bytes)?))
}
