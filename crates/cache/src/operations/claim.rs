//! Claiming a key for a value that the caller knows to be right.

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{
    CLAIM, TICKET, fresh_token,
    mint::{mint_in_memory, mint_on_redis},
};

/// How long a claim stands; its put follows at once, and one that comes later than this costs a miss.
const LIFETIME: Ttl = Ttl::seconds(10);

/// Claims a key for a [`Put`](crate::Put), and mints the stamp of its value in the same round trip.
///
/// The claim takes the place of whatever ticket or claim stood there, and with it the right to store.
/// While it stands loads get no ticket. An invalidation takes it away like any ticket.
#[derive(Clone, Debug)]
pub struct Claim {
    key: Key,
    sequencer: Key,
    removes: bool,
}

/// The right to put one value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Claimed {
    /// What the put must show.
    pub token: String,
    /// The stamp of the value.
    pub as_of: u64,
}

impl Claim {
    /// A claim on `key`, with a stamp of `sequencer`.
    #[must_use]
    pub const fn new(key: Key, sequencer: Key) -> Self {
        Self { key, sequencer, removes: false }
    }

    /// Removes the value that is there, too.
    #[must_use]
    pub const fn removing(mut self) -> Self {
        self.removes = true;
        self
    }
}

impl Operation for Claim {
    type Output = Claimed;
    const NAME: &'static str = "cache.claim";

    /// A second claim replaces the first.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(_: &Claimed) -> &'static str {
        "claimed"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Claimed> {
        let token = format!("{CLAIM}{}", fresh_token());
        let ticket = self.key.companion(TICKET);
        let claim = Cmd::new("SET").key(&ticket).arg(&token).arg("PX").arg(LIFETIME.as_millis());
        // Side by side, since the sequencer lives in a slot of its own. Either order will do: what the
        // claim excludes is counted from the moment at which both are answered, and a stamp that is
        // older than the claim loses at most to a load that began after it was minted.
        let unlink = self.removes.then(|| Cmd::new("UNLINK").key(&self.key));
        let cmds = [claim].into_iter().chain(unlink).collect();
        let (_, as_of) = tokio::try_join!(redis.pipeline(cmds), mint_on_redis(redis, &self.sequencer))?;
        Ok(Claimed { token, as_of })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Claimed> {
        let token = format!("{CLAIM}{}", fresh_token());
        let ticket = self.key.companion(TICKET);
        memory.with(&[&self.key, &ticket, &self.sequencer], now, |tx| {
            if self.removes {
                tx.remove(&self.key);
            }
            tx.put(&ticket, token.clone(), now.saturating_add(LIFETIME.as_duration()))?;
            Ok(Claimed { token, as_of: mint_in_memory(tx, &self.sequencer)? })
        })
    }
}
