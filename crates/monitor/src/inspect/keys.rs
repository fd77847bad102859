//! Which keys there are: a bounded sample.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use redstart_connection::{
    Cmd, Effect, Memory, Operation, Outage, Page, Redis, Result, ScanCursor, Store, Timestamp,
};
use redstart_keys::{Category, Pattern, Prefix};
use serde::Serialize;

use crate::durations;

/// The most keys that one sample holds.
const MAX_KEYS: usize = 1_000;
/// How many keys the server looks at per round.
const SCAN_COUNT: u64 = 500;
/// After so long a sample ends, even when few keys matched.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at some of the keyspace: one round of a scan, with the TTL of each key that matches.
///
/// A scan is one operation per round, so that a large keyspace meets no deadline; the embedded store
/// answers with everything in its first round.
#[derive(Clone, Debug)]
pub struct ScanKeys {
    pattern: Pattern,
    prefix: Prefix,
    cursor: ScanCursor,
}

/// What one round of a scan found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ScanPage {
    /// The keys of this round; a key may come again in another.
    pub keys: Vec<SampledKey>,
    /// Where the next round begins; none at the end.
    pub next: Option<ScanCursor>,
}

/// Some keys, and how they spread over the categories.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KeySample {
    /// Whether these are all the keys that match.
    pub complete: bool,
    /// How the keys spread.
    pub categories: Vec<CategoryShare>,
    /// The keys by name.
    pub keys: Vec<SampledKey>,
}

/// How many keys of the sample belong to one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CategoryShare {
    /// The category's name; `other` for keys of other programs.
    pub category: &'static str,
    /// How many keys.
    pub keys: usize,
    /// How many of them never end.
    pub without_ttl: usize,
}

/// One key of the sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SampledKey {
    /// Its name without the prefix; a sensitive id stands there as its digest.
    pub name: String,
    /// The time it has left; none when it never ends.
    #[serde(rename = "ttlSeconds", serialize_with = "durations::optional_seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub ttl: Option<Duration>,
}

impl ScanKeys {
    /// The round at `cursor`, the default being the first, over the keys of `store` that `pattern` matches.
    #[must_use]
    pub fn new(store: &Store, pattern: Pattern, cursor: ScanCursor) -> Self {
        Self { pattern, prefix: store.prefix().clone(), cursor }
    }
}

impl Operation for ScanKeys {
    type Output = ScanPage;
    const NAME: &'static str = "monitor.scan";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(page: &ScanPage) -> &'static str {
        if page.next.is_none() { "last" } else { "more" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<ScanPage> {
        let Page { names, next, .. } = redis.scan(&self.cursor, &self.pattern, SCAN_COUNT).await?;
        let ttls = names.iter().map(|name| Cmd::new("PTTL").name_on_server(name.clone()));
        let ttls = redis.pipeline(ttls.collect()).await?;
        let mut keys = Vec::with_capacity(names.len());
        for (name, ttl) in names.iter().zip(ttls) {
            let ttl = match ttl.into_int()? {
                // It has ended since the scan saw it.
                -2 => continue,
                ttl => u64::try_from(ttl).ok().map(Duration::from_millis),
            };
            let name = self.prefix.strip(name).unwrap_or_else(|| Cow::Borrowed(name));
            keys.push(SampledKey { name: String::from_utf8_lossy(&name).into_owned(), ttl });
        }
        Ok(ScanPage { keys, next })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<ScanPage> {
        let found = memory.scan(&self.pattern, now);
        let keys = found.iter().map(|key| {
            let expires_at = memory.with(&[key], now, |tx| tx.expires_at(key));
            SampledKey { name: key.to_string(), ttl: expires_at.map(|at| at.since(now)) }
        });
        Ok(ScanPage { keys: keys.collect(), next: None })
    }
}

/// Scans until there are more than `limit` keys, the keyspace ends, or patience does.
pub(crate) async fn sample(store: &Store, pattern: &Pattern, limit: usize) -> Result<KeySample> {
    let limit = limit.clamp(1, MAX_KEYS);
    let started = store.clock().instant();
    let mut keys = BTreeMap::new();
    let mut cursor = ScanCursor::default();
    let complete = loop {
        let page = store.run(&ScanKeys::new(store, pattern.clone(), cursor)).await?;
        keys.extend(page.keys.into_iter().map(|key| (key.name, key.ttl)));
        let is_tired = store.clock().instant().duration_since(started) >= PATIENCE;
        match page.next {
            Some(next) if !is_tired && keys.len() <= limit => cursor = next,
            next => break next.is_none() && keys.len() <= limit,
        }
    };
    let keys = keys.into_iter().take(limit).map(|(name, ttl)| SampledKey { name, ttl });
    Ok(KeySample::of(keys.collect(), complete))
}

impl KeySample {
    fn of(keys: Vec<SampledKey>, complete: bool) -> Self {
        let mut shares = BTreeMap::<&'static str, CategoryShare>::new();
        for key in &keys {
            let category = Category::of(key.name.as_bytes()).map_or("other", Category::name);
            let share = shares.entry(category).or_insert(CategoryShare { category, keys: 0, without_ttl: 0 });
            share.keys += 1;
            share.without_ttl += usize::from(key.ttl.is_none());
        }
        Self { complete, categories: shares.into_values().collect(), keys }
    }
}
