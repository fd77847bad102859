//! Taking the tickets that a fill needs.

use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{
    TICKET,
    mint::{mint_in_memory, mint_on_redis},
};

/// Takes a ticket for each of some keys, and reads the sequencer in the same round trip.
///
/// The first to miss makes the ticket; others who miss meanwhile get the same one. An invalidation
/// takes it away, and with it the right of every load that began before to store its result.
#[derive(Clone, Debug)]
pub struct Take {
    keys: Vec<Key>,
    sequencer: Key,
    token: String,
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

/// The tickets with the stamp of their moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tickets {
    /// The sequencer before any of the loads began.
    pub as_of: u64,
    /// A ticket for each key, in their order.
    pub tickets: Vec<Ticket>,
}

impl Take {
    /// Tickets for `keys`, named `token` where new, that stand for `ttl` at the longest.
    #[must_use]
    pub const fn new(keys: Vec<Key>, sequencer: Key, token: String, ttl: Ttl) -> Self {
        Self { keys, sequencer, token, ttl }
    }

    fn ticket(&self, standing: Option<String>) -> Ticket {
        match standing {
            // One's own standing ticket is what a retry after a lost answer finds.
            Some(token) => Ticket { is_new: token == self.token, token },
            None => Ticket { is_new: true, token: self.token.clone() },
        }
    }
}

impl Operation for Take {
    type Output = Tickets;
    const NAME: &'static str = "cache.take";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Tickets) -> &'static str {
        if output.tickets.iter().all(|ticket| ticket.is_new) { "new" } else { "standing" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Tickets> {
        let take = |key: &Key| {
            let cmd = Cmd::new("SET").key(&key.companion(TICKET)).arg(&self.token);
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
            tickets.push(self.ticket(standing));
        }
        Ok(Tickets { as_of, tickets })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Tickets> {
        let names: Vec<Key> = self.keys.iter().map(|key| key.companion(TICKET)).collect();
        let mut all: Vec<&Key> = names.iter().collect();
        all.push(&self.sequencer);
        memory.with(&all, now, |tx| {
            let mut tickets = Vec::with_capacity(names.len());
            for name in &names {
                let standing = tx.get::<String>(name).map(|token| (*token).clone());
                if standing.is_none() {
                    tx.put(name, self.token.clone(), now.saturating_add(self.ttl.as_duration()))?;
                }
                tickets.push(self.ticket(standing));
            }
            let as_of = match tx.get::<u64>(&self.sequencer) {
                Some(stamp) => *stamp,
                None => mint_in_memory(tx, &self.sequencer)?,
            };
            Ok(Tickets { as_of, tickets })
        })
    }
}
