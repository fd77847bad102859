//! One warming from its beginning to its end.

use std::{
    cmp::Reverse,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use futures_util::{StreamExt as _, stream};
use redstart_connection::names;
use tokio::select;

use super::{
    Warmer, Warming,
    batch::{Batch, Warmed},
    report::{WarmProgress, WarmReport, WarmedCache},
};

/// After how many failed batches in a row a cache is given up.
const PATIENCE: u32 = 3;

/// Warms, and tells of the progress until the end.
pub(super) async fn run(warmer: &Warmer, told: impl Fn(&WarmProgress) + Send + Sync) -> WarmReport {
    let mut course = Course::new(warmer);
    let tell = |progress: WarmProgress| {
        told(&progress);
        if let Some(heard) = &warmer.on_progress {
            heard(&progress);
        }
    };
    let mut time_is_over = pin!(tokio::time::sleep(warmer.within));
    let work = select! {
        work = course.plan() => work,
        () = &mut time_is_over => {
            course.blame("the time was over before it was known what to do");
            return course.end("the time was over", tell);
        }
    };
    tell(course.progress());
    let patience: Vec<_> = course.report.caches.iter().map(|_| AtomicU32::new(0)).collect();
    let batches = stream::iter(work).map(|(cache, batch)| warm(cache, batch, &patience, warmer.is_verified));
    let mut batches = pin!(batches.buffer_unordered(warmer.concurrency));
    loop {
        let warmed = select! {
            warmed = batches.next() => warmed,
            () = &mut time_is_over => return course.end("the time was over", tell),
        };
        let Some((cache, warmed)) = warmed else { break };
        if let Some(warmed) = warmed {
            course.note(cache, warmed);
            tell(course.progress());
        }
    }
    course.end("it was given up", tell)
}

/// Warms one batch, unless too many before it have failed.
async fn warm(cache: usize, batch: Batch, patience: &[AtomicU32], verify: bool) -> (usize, Option<Warmed>) {
    let failures = &patience[cache];
    if PATIENCE <= failures.load(Ordering::Relaxed) {
        return (cache, None);
    }
    let warmed = (batch.work)(verify).await;
    if warmed.counts.failed == 0 {
        failures.store(0, Ordering::Relaxed);
    } else {
        failures.fetch_add(1, Ordering::Relaxed);
    }
    (cache, Some(warmed))
}

/// A warming under way.
struct Course<'a> {
    warmer: &'a Warmer,
    /// In the order in which they are warmed.
    warmings: Vec<&'a Warming>,
    started: Instant,
    report: WarmReport,
}

impl<'a> Course<'a> {
    fn new(warmer: &'a Warmer) -> Self {
        let mut warmings: Vec<&Warming> = warmer.warmings.iter().collect();
        warmings.sort_by_key(|warming| Reverse(warming.priority));
        let caches =
            warmings.iter().map(|warming| WarmedCache { name: warming.name, ..WarmedCache::default() });
        let report = WarmReport { caches: caches.collect(), ..WarmReport::default() };
        Self { started: warmer.store.clock().instant(), warmer, warmings, report }
    }

    /// Finds out what there is to do: batches, each with the number of its cache.
    async fn plan(&mut self) -> Vec<(usize, Batch)> {
        let mut work = Vec::new();
        for (index, warming) in self.warmings.iter().enumerate() {
            let cache = &mut self.report.caches[index];
            match (warming.plan)(warming.batch).await {
                Ok(batches) => {
                    cache.counts.planned = batches.iter().map(|batch| batch.size).sum();
                    work.extend(batches.into_iter().map(|batch| (index, batch)));
                }
                Err(error) => cache.error = Some(error),
            }
        }
        work
    }

    fn note(&mut self, cache: usize, warmed: Warmed) {
        let elapsed = self.warmer.store.clock().instant().saturating_duration_since(self.started);
        let cache = &mut self.report.caches[cache];
        cache.counts.add(warmed.counts);
        cache.elapsed = elapsed;
        if warmed.error.is_some() {
            cache.error = warmed.error;
        }
    }

    fn progress(&self) -> WarmProgress {
        let elapsed = self.warmer.store.clock().instant().saturating_duration_since(self.started);
        WarmProgress::new(self.report.total(), elapsed)
    }

    /// Says what went wrong with all caches of which nothing else is known.
    fn blame(&mut self, reason: &str) {
        for cache in self.report.caches.iter_mut().filter(|cache| cache.counts.planned == 0) {
            cache.error.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// Ends it; `reason` is why anything is left, where nothing else says so.
    fn end(mut self, reason: &str, tell: impl Fn(WarmProgress)) -> WarmReport {
        self.report.elapsed = self.warmer.store.clock().instant().saturating_duration_since(self.started);
        for WarmedCache { name, counts, error, .. } in &mut self.report.caches {
            counts.left = counts.planned - counts.attempted;
            if 0 < counts.left {
                error.get_or_insert_with(|| reason.to_owned());
            }
            let outcomes = [
                ("warmed", counts.warmed),
                ("skipped", counts.skipped),
                ("absent", counts.absent),
                ("failed", counts.failed),
                ("left", counts.left),
            ];
            for (outcome, count) in outcomes {
                metrics::counter!(names::CACHE_WARMED, "cache" => *name, "outcome" => outcome)
                    .increment(count);
            }
        }
        metrics::histogram!(names::CACHE_WARM_SECONDS).record(self.report.elapsed);
        let total = self.report.total();
        tracing::info!(
            planned = total.planned,
            warmed = total.warmed,
            skipped = total.skipped,
            failed = total.failed,
            left = total.left,
            elapsed = ?self.report.elapsed,
            "caches are warmed"
        );
        tell(WarmProgress::done(&self.report));
        self.report
    }
}
