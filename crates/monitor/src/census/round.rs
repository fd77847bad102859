//! One round of a census.

use std::borrow::Cow;

use redstart_connection::{
    Cmd, Effect, Memory, Operation, Outage, Page, Redis, Result, ScanCursor, Store, Timestamp, Value,
};
use redstart_keys::{Pattern, Prefix};

use crate::Told;

/// How many keys the server looks at per round.
const SCAN_COUNT: u64 = 200;

/// Counts some of the keys: one round of a scan, with TTL, size and use of each key.
#[derive(Clone, Debug)]
pub struct CensusRound {
    pattern: Pattern,
    prefix: Prefix,
    cursor: ScanCursor,
    /// Whether the server tells sizes, as far as is known.
    sizes: Told<()>,
    /// Whether the server tells uses, as far as is known.
    uses: Told<()>,
}

/// What one round of a census found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CensusPage {
    /// The keys; one may come again in another round.
    pub keys: Vec<CountedKey>,
    /// Whether sizes are told.
    pub sizes: Told<()>,
    /// Whether uses are told.
    pub uses: Told<()>,
    /// How many servers there were to walk when the round began.
    pub servers: usize,
    /// Where the next round begins; none at the end.
    pub next: Option<ScanCursor>,
}

/// One key of a census.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct CountedKey {
    /// Its name without the prefix; a sensitive id stands there as its digest.
    pub name: String,
    /// Whether it ends some day.
    pub ends: bool,
    /// Bytes that it takes, where the server tells.
    pub bytes: Option<u64>,
    /// How often it is used, where the server tells.
    pub frequency: Option<u8>,
}

impl CensusRound {
    /// The first round over the keys of `store` that `pattern` matches.
    #[must_use]
    pub fn new(store: &Store, pattern: Pattern) -> Self {
        let (prefix, cursor) = (store.prefix().clone(), ScanCursor::default());
        Self { pattern, prefix, cursor, sizes: Told::NotAsked, uses: Told::NotAsked }
    }

    /// Asks no more for what the server does not tell.
    pub(super) fn learn(&mut self, page: &CensusPage) {
        (self.sizes, self.uses) = (page.sizes, page.uses);
    }

    pub(super) fn go_on(&mut self, cursor: ScanCursor) {
        self.cursor = cursor;
    }
}

impl Operation for CensusRound {
    type Output = CensusPage;
    const NAME: &'static str = "monitor.census";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(page: &CensusPage) -> &'static str {
        if page.next.is_none() { "last" } else { "more" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<CensusPage> {
        let Page { names, next, servers, .. } = redis.scan(&self.cursor, &self.pattern, SCAN_COUNT).await?;
        let each = |cmd: Cmd| {
            redis.pipeline(names.iter().map(|name| cmd.clone().name_on_server(name.clone())).collect())
        };
        let ttls = each(Cmd::new("PTTL")).await?;
        let sizes = self.sizes.unless_refused(async || each(Cmd::new("MEMORY").arg("USAGE")).await).await;
        let uses = self.uses.unless_refused(async || each(Cmd::new("OBJECT").arg("FREQ")).await).await;
        let number = |told: &Told<Vec<Value>>, nth: usize| {
            told.known()?.get(nth).cloned()?.into_optional_int().ok().flatten()
        };
        let mut keys = Vec::with_capacity(names.len());
        for (nth, (name, ttl)) in names.iter().zip(ttls).enumerate() {
            let ttl = ttl.into_int()?;
            // It has ended since the scan saw it.
            if ttl == -2 {
                continue;
            }
            let name = self.prefix.strip(name).unwrap_or_else(|| Cow::Borrowed(name));
            keys.push(CountedKey {
                name: String::from_utf8_lossy(&name).into_owned(),
                ends: ttl >= 0,
                bytes: number(&sizes, nth).and_then(|bytes| u64::try_from(bytes).ok()),
                frequency: number(&uses, nth).and_then(|count| u8::try_from(count).ok()),
            });
        }
        Ok(CensusPage { keys, sizes: sizes.map(drop), uses: uses.map(drop), servers, next })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<CensusPage> {
        let found = memory.scan(&self.pattern, now);
        let keys = found.iter().map(|key| {
            let ends = memory.with(&[key], now, |tx| tx.expires_at(key)).is_some();
            CountedKey { name: key.to_string(), ends, ..CountedKey::default() }
        });
        let (sizes, uses) = (Told::NotOffered, Told::NotOffered);
        Ok(CensusPage { keys: keys.collect(), sizes, uses, servers: 1, next: None })
    }
}

impl Told<()> {
    /// Asks, unless an earlier round was refused.
    async fn unless_refused(self, ask: impl AsyncFnOnce() -> Result<Vec<Value>>) -> Told<Vec<Value>> {
        match self {
            Self::NotAllowed => Told::NotAllowed,
            Self::NotOffered => Told::NotOffered,
            Self::Known(()) | Self::NoAnswer | Self::NotAsked => Told::of(ask().await),
        }
    }
}
