//! A census of the keys: how many of which kind, the big, the hot, and those that never end.

mod round;
mod tally;

use std::time::Duration;

use redstart_connection::{Result, ScanCursor, Store};
use redstart_keys::{Category, Pattern};
use serde::Serialize;

pub use self::round::{CensusPage, CensusRound, CountedKey};
use self::tally::Tally;
use crate::{Rfc3339, Told, durations};

/// How much of the keyspace a census looks at.
///
/// A census shares its bounds among the servers of a cluster, so that each is looked at.
#[derive(Clone, Debug)]
pub struct CensusPlan {
    pattern: Pattern,
    keys: u64,
    within: Duration,
}

/// How far a census is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CensusProgress {
    /// Keys counted so far.
    pub counted: u64,
    /// Servers that are done.
    pub servers_done: usize,
    /// Servers there are.
    pub servers: usize,
}

/// How a walk over the keys ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Walked {
    /// Whether every key was shown.
    pub is_complete: bool,
    /// How far it came.
    pub progress: CensusProgress,
    /// How long it took.
    pub took: Duration,
}

/// What a census found; of what it looked at, not of everything there is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Census {
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub taken_at: Rfc3339,
    /// How long it took.
    #[serde(rename = "tookMs", serialize_with = "durations::milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub took: Duration,
    /// Whether every key was counted.
    pub complete: bool,
    /// How many servers were looked at.
    pub servers: usize,
    /// How many keys were counted.
    pub counted: u64,
    /// How they spread over the categories.
    pub categories: Vec<CategoryCount>,
    /// Keys that never end though all of their category do: how many.
    pub endless: u64,
    /// Some of their names.
    pub endless_keys: Vec<String>,
    /// The biggest, the first the biggest.
    pub biggest: Told<Vec<SizedKey>>,
    /// The most used, the first the hottest; only servers that evict by frequency of use know.
    pub hottest: Told<Vec<HotKey>>,
}

/// The keys of one category.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CategoryCount {
    /// The category's name; `other` for keys of other programs.
    pub category: &'static str,
    /// How many keys.
    pub keys: u64,
    /// How many of them never end.
    pub without_ttl: u64,
    /// Bytes that they take, where the server tells.
    pub bytes: u64,
}

/// A key and its size.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SizedKey {
    /// Its name without the prefix.
    pub name: String,
    /// Bytes that it takes, name and value; of large collections an estimate.
    pub bytes: u64,
}

/// A key and how often it is used.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct HotKey {
    /// Its name without the prefix.
    pub name: String,
    /// The server's count, which rises with the logarithm of uses: 100 are some 45,000 within minutes.
    pub frequency: u8,
}

impl CensusPlan {
    /// Up to 10,000 keys within two seconds.
    #[must_use]
    pub const fn new() -> Self {
        Self { pattern: Pattern::all(), keys: 10_000, within: Duration::from_secs(2) }
    }

    /// Counts only what `pattern` matches. Defaults to all keys of the store's prefix.
    #[must_use]
    pub fn of(self, pattern: Pattern) -> Self {
        Self { pattern, ..self }
    }

    /// Ends after about so many keys. Defaults to 10,000.
    #[must_use]
    pub fn keys(self, keys: u64) -> Self {
        Self { keys: keys.max(1), ..self }
    }

    /// Ends after about so long. Defaults to 2 seconds.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// Walks the keys in small steps that do not hold the server up, and shows each step as it comes.
    ///
    /// A key may be shown twice while the server's table grows or shrinks.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, or refuses `SCAN` or `PTTL`.
    pub async fn walk(
        &self,
        store: &Store,
        mut on_page: impl FnMut(CensusPage, CensusProgress) + Send,
    ) -> Result<Walked> {
        let Self { pattern, keys, within } = self;
        let started = store.clock().instant();
        let passed = || store.clock().instant().saturating_duration_since(started);
        let mut round = CensusRound::new(store, pattern.clone());
        let mut progress = CensusProgress::default();
        let mut is_complete = true;
        // What was counted and how long it took when the present server began.
        let mut began = (0, Duration::ZERO);
        loop {
            let page = store.run(&round).await?;
            progress.servers = progress.servers.max(page.servers);
            progress.counted += u64::try_from(page.keys.len()).unwrap_or(u64::MAX);
            round.learn(&page);
            let next = page.next.clone();
            let left = next.as_ref().and_then(ScanCursor::servers_left).unwrap_or(0);
            let is_next_server = progress.servers.saturating_sub(left) > progress.servers_done;
            progress.servers_done = progress.servers.saturating_sub(left);
            on_page(page, progress);
            let Some(next) = next else { break };
            if is_next_server {
                began = (progress.counted, passed());
            }
            let servers = u32::try_from(progress.servers).unwrap_or(1).max(1);
            let is_enough = progress.counted - began.0 >= keys.div_ceil(u64::from(servers))
                || passed().saturating_sub(began.1) >= *within / servers;
            let next = if is_enough && !is_next_server {
                is_complete = false;
                began = (progress.counted, passed());
                next.next_server()
            } else {
                Some(next)
            };
            let Some(next) = next else { break };
            round.go_on(next);
        }
        Ok(Walked { is_complete, progress, took: passed() })
    }
}

impl Default for CensusPlan {
    fn default() -> Self {
        Self::new()
    }
}

impl Census {
    /// Walks the keys in small steps that do not hold the server up, and tells after each how far it is.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, or refuses `SCAN` or `PTTL`; where sizes or uses are not told,
    /// the census says so.
    pub async fn take(
        store: &Store,
        plan: &CensusPlan,
        mut on_progress: impl FnMut(CensusProgress) + Send,
    ) -> Result<Self> {
        let mut tally = Tally::default();
        let walked = plan.walk(store, |page, progress| {
            tally.add(page);
            on_progress(progress);
        });
        let walked = walked.await?;
        Ok(Self {
            taken_at: Rfc3339::from(store.clock().now()),
            took: walked.took,
            complete: walked.is_complete,
            servers: walked.progress.servers,
            counted: walked.progress.counted,
            ..tally.finish()
        })
    }

    /// The bytes of the biggest key; none when sizes are not told, or no key was seen.
    #[must_use]
    pub fn biggest_bytes(&self) -> Option<u64> {
        Some(self.biggest.known()?.first()?.bytes)
    }

    /// The server's count of the hottest key; none when it does not count, or no key was seen.
    #[must_use]
    pub fn hottest_frequency(&self) -> Option<u8> {
        Some(self.hottest.known()?.first()?.frequency)
    }
}

/// Whether keys of this category may stay for good: queues and switches do.
const fn may_stay(category: Category) -> bool {
    matches!(category, Category::Jobs | Category::Flag)
}

#[cfg(test)]
mod tests;
