//! The sequencer of a cache.

use redstart_connection::{
    Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Tx,
};
use redstart_keys::{Key, Ttl};

static MINT: Script = Script::new("cache.mint", include_str!("mint.lua"));

/// How long a sequencer outlives its last stamp; a lost one starts again at the server's clock.
const LIFETIME: Ttl = Ttl::days(7);

/// Mints a stamp: greater than all before, and about the server's time.
#[derive(Clone, Debug)]
pub struct Mint {
    sequencer: Key,
}

impl Mint {
    /// A stamp of this sequencer.
    #[must_use]
    pub const fn new(sequencer: Key) -> Self {
        Self { sequencer }
    }
}

impl Operation for Mint {
    type Output = u64;
    const NAME: &'static str = "cache.mint";

    /// A stamp that nobody uses does no harm.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(_: &u64) -> &'static str {
        "minted"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u64> {
        mint_on_redis(redis, &self.sequencer).await
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<u64> {
        memory.with(&[&self.sequencer], now, |tx| mint_in_memory(tx, &self.sequencer))
    }
}

pub(super) async fn mint_on_redis(redis: &Redis, sequencer: &Key) -> Result<u64> {
    let stamp = redis.script(&MINT).key(sequencer).arg(LIFETIME.as_millis()).invoke().await?.into_int()?;
    u64::try_from(stamp).map_err(|_| Error::protocol("a stamp is never negative"))
}

/// The last stamp, made if there is none.
pub(super) async fn present_on_redis(redis: &Redis, sequencer: &Key) -> Result<u64> {
    match redis.send(Cmd::new("GET").key(sequencer)).await?.into_optional_int()? {
        Some(stamp) => u64::try_from(stamp).map_err(|_| Error::protocol("a stamp is never negative")),
        None => mint_on_redis(redis, sequencer).await,
    }
}

/// The last stamp, made if there is none.
pub(super) fn present_in_memory(tx: &mut Tx<'_>, sequencer: &Key) -> Result<u64> {
    match tx.get::<u64>(sequencer) {
        Some(stamp) => Ok(*stamp),
        None => mint_in_memory(tx, sequencer),
    }
}

pub(super) fn mint_in_memory(tx: &mut Tx<'_>, sequencer: &Key) -> Result<u64> {
    let previous = tx.get::<u64>(sequencer).map_or(0, |stamp| *stamp);
    let stamp = (previous + 1).max(tx.now().as_micros());
    tx.put(sequencer, stamp, tx.now().saturating_add(LIFETIME.as_duration()))?;
    Ok(stamp)
}
