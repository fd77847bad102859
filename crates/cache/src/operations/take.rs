//! Taking the tickets that a fill needs.

use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{
    CLAIM, FAILED, TICKET, fresh_token,
    mint::{mint_on_redis, present_in_memory},
};

/// Takes a ticket for each of some keys, and reads the sequencer in the same round trip.
///
/// The first to miss makes the ticket; others who miss meanwhile get the same one. An invalidation
/// takes it away, and with it the right of every load that began before to store its result. Where a
/// [`Claim`](crate::Claim) stands there is no ticket to be had.
#[derive(Clone, Debug)]
pub struct Take {
    keys: Vec<Key>,
    sequencer: Key,
    ttl: Ttl,
}

/// The right to fill one key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ticket {
    /// What the fill must show.
    pub token: String,
    /// Whether this call made it.
    pub is_new: bool,
}

impl Ticket {
    /// Whether it stands for a load that failed a moment ago, see [`Release`](crate::Release).
    #[must_use]
    pub fn is_of_failure(&self) -> bool {
        self.token.starts_with(FAILED)
    }
}

/// The tickets with the stamp of their moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tickets {
    /// The sequencer before any of the loads began.
    pub as_of: u64,
    /// A ticket for each key, in their order; none where a value is about to be put.
    pub tickets: Vec<Option<Ticket>>,
}

impl Take {
    /// Tickets for `keys` that stand for `ttl` at the longest.
    #[must_use]
    pub const fn new(keys: Vec<Key>, sequencer: Key, ttl: Ttl) -> Self {
        Self { keys, sequencer, ttl }
    }
}

impl Operation for Take {
    type Output = Tickets;
    const NAME: &'static str = "cache.take";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &Tickets) -> &'static str {
        if output.tickets.iter().flatten().all(|ticket| ticket.is_new) { "new" } else { "standing" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Tickets> {
        let token = fresh_token();
        let take = |key: &Key| {
            let cmd = Cmd::new("SET").key(&key.companion(TICKET)).arg(&token);
            cmd.arg("NX").arg("GET").arg("PX").arg(self.ttl.as_millis())
        };
        let mut cmds: Vec<Cmd> = self.keys.iter().map(take).collect();
        // Read after the tickets are taken: an invalidation in between takes them away again.
        cmds.push(Cmd::new("GET").key(&self.sequencer));
        let mut values = redis.pipeline(cmds).await?;
        let as_of = match values.pop().unwrap_or_default().into_optional_int()? {
            Some(stamp) => u64::try_from(stamp).map_err(|_| Error::protocol("a stamp is never negative"))?,
            None => mint_on_redis(redis, &self.sequencer).await?,
        };
        let mut tickets = Vec::with_capacity(self.keys.len());
        for value in values {
            let standing = if value.is_nil() { None } else { Some(value.into_text()?) };
            tickets.push(ticket(&token, standing));
        }
        Ok(Tickets { as_of, tickets })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Tickets> {
        let token = fresh_token();
        let names: Vec<Key> = self.keys.iter().map(|key| key.companion(TICKET)).collect();
        let mut all: Vec<&Key> = names.iter().collect();
        all.push(&self.sequencer);
        memory.with(&all, now, |tx| {
            let mut tickets = Vec::with_capacity(names.len());
            for name in &names {
                let standing = tx.get::<String>(name).map(|token| (*token).clone());
                if standing.is_none() {
                    tx.put(name, token.clone(), now.saturating_add(self.ttl.as_duration()))?;
                }
                tickets.push(ticket(&token, standing));
            }
            Ok(Tickets { as_of: present_in_memory(tx, &self.sequencer)?, tickets })
        })
    }
}

/// What a caller with `token` gets where `standing` stood before.
fn ticket(token: &str, standing: Option<String>) -> Option<Ticket> {
    match standing {
        None => Some(Ticket { token: token.to_owned(), is_new: true }),
        Some(claim) if claim.starts_with(CLAIM) => None,
        Some(token) => Some(Ticket { token, is_new: false }),
    }
}
