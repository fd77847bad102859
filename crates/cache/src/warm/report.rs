//! What a warming does, and has done.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use crate::stats::seconds;

/// What a warming does with so many ids.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct WarmCounts {
    /// How many there are.
    pub planned: u64,
    /// How many have been looked at: the sum of the four below.
    pub attempted: u64,
    /// Loaded.
    pub warmed: u64,
    /// There already.
    pub skipped: u64,
    /// Looked for, and there is nothing.
    pub absent: u64,
    /// Not loaded, because the loader failed.
    pub failed: u64,
    /// Not looked at before the end, because the time was over or the loader kept failing.
    pub left: u64,
    /// Those of the loaded that the store gave back; none unless that was asked for.
    pub verified: u64,
}

/// How far a warming is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct WarmProgress {
    /// What has been done, over all caches.
    #[serde(flatten)]
    pub total: WarmCounts,
    /// Time since it began.
    #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Time until it ends, if it goes on as until now; none before the first load.
    #[serde(rename = "etaSeconds", serialize_with = "maybe_seconds")]
    pub eta: Option<Duration>,
    /// Whether it has ended.
    pub is_done: bool,
}

/// What a warming has done; its `Display` is a table.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct WarmReport {
    /// The caches, in the order in which they were warmed.
    pub caches: Vec<WarmedCache>,
    /// How long it took.
    #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

/// What a warming has done with one cache.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct WarmedCache {
    /// Its name.
    pub name: &'static str,
    /// What has been done.
    #[serde(flatten)]
    pub counts: WarmCounts,
    /// From the beginning of the warming until the last of it was done.
    #[serde(rename = "elapsedSeconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// What went wrong last.
    pub error: Option<String>,
}

impl WarmCounts {
    pub(super) fn add(&mut self, other: Self) {
        let Self { planned, attempted, warmed, skipped, absent, failed, left, verified } = other;
        self.planned += planned;
        self.attempted += attempted;
        self.warmed += warmed;
        self.skipped += skipped;
        self.absent += absent;
        self.failed += failed;
        self.left += left;
        self.verified += verified;
    }
}

impl WarmProgress {
    pub(super) fn new(total: WarmCounts, elapsed: Duration) -> Self {
        let left = total.planned.saturating_sub(total.attempted);
        #[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 53 bits")]
        let eta = (0 < total.attempted)
            .then(|| elapsed.as_secs_f64() * left as f64 / total.attempted as f64)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self { total, elapsed, eta, is_done: false }
    }

    pub(super) fn done(report: &WarmReport) -> Self {
        Self { total: report.total(), elapsed: report.elapsed, eta: Some(Duration::ZERO), is_done: true }
    }
}

impl WarmReport {
    /// All caches together.
    #[must_use]
    pub fn total(&self) -> WarmCounts {
        let mut total = WarmCounts::default();
        self.caches.iter().for_each(|cache| total.add(cache.counts));
        total
    }

    /// Whether all that was planned is loaded, or was there, or does not exist.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let WarmCounts { failed, left, .. } = self.total();
        failed == 0 && left == 0 && self.caches.iter().all(|cache| cache.error.is_none())
    }
}

impl fmt::Display for WarmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = ["planned", "warmed", "skipped", "absent", "failed", "left", "verified"];
        write!(f, "{:<20}", "cache")?;
        columns.iter().try_for_each(|column| write!(f, " {column:>9}"))?;
        writeln!(f, " {:>10}", "time")?;
        for WarmedCache { name, counts, elapsed, error } in &self.caches {
            let WarmCounts { planned, attempted: _, warmed, skipped, absent, failed, left, verified } =
                counts;
            write!(f, "{name:<20}")?;
            let counts = [planned, warmed, skipped, absent, failed, left, verified];
            counts.iter().try_for_each(|count| write!(f, " {count:>9}"))?;
            writeln!(f, " {:>10}", format!("{elapsed:.1?}"))?;
            if let Some(error) = error {
                writeln!(f, "  {error}")?;
            }
        }
        write!(f, "{} of {} in {:.1?}", self.total().attempted, self.total().planned, self.elapsed)
    }
}

fn maybe_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}
