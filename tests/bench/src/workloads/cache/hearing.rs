//! How long after an invalidation another process shows the new value.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use redstart_cache::{Cache, Source};
use redstart_keys::{Category, Entity, Ttl};

use crate::{
    Result,
    clock::Stopwatch,
    contest::{Finding, Outcome, Plan},
    judge::Unit,
    load,
    report::Report,
    server::Server,
};

const VERSION: Entity<u64> = Entity::new(Category::Cache, "version").ttl(Ttl::hours(1));
/// How many invalidations one round has; the 99th of a hundred is its p99.
const INVALIDATIONS: usize = 200;

/// Measures from the answer to `invalidate` until a busy reader of another store is shown the new value.
pub(super) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let (writing, reading) =
        (Cache::new(&server.store(&runtime)?, &VERSION), Cache::new(&server.store(&runtime)?, &VERSION));
    let truth = Arc::new(AtomicU64::new(0));
    let (mut middle, mut late) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        let mut delays = runtime.block_on(round_of(&writing, &reading, &truth))?;
        delays.sort_by(f64::total_cmp);
        middle.push(delays[INVALIDATIONS / 2]);
        late.push(delays[INVALIDATIONS * 99 / 100]);
        eprintln!(
            "cache, hearing · round {round} of {} · p50 {:.0} ns",
            plan.rounds,
            delays[INVALIDATIONS / 2]
        );
    }
    let names = ("another process", "invalidate");
    let finding = |measure, rounds: &[f64]| Finding::new(names, (measure, Unit::Nanoseconds), rounds, None);
    report.add(Outcome {
        title: "cache, from an invalidation to another process's memory".to_owned(),
        series: Vec::new(),
        findings: vec![finding("p50", &middle), finding("p99", &late)],
    });
    Ok(())
}

async fn round_of(
    writing: &Cache<u64, u64>,
    reading: &Cache<u64, u64>,
    truth: &Arc<AtomicU64>,
) -> Result<Vec<f64>> {
    writing.ready().await;
    reading.ready().await;
    let mut delays = Vec::with_capacity(INVALIDATIONS);
    for _ in 0..INVALIDATIONS {
        // Into the reader's own memory first, or there would be nothing to hear of.
        while read(reading, truth).await?.1 != Source::L1 {}
        let version = truth.fetch_add(1, Ordering::SeqCst) + 1;
        writing.invalidate(&1).await?;
        let told = Stopwatch::start();
        while read(reading, truth).await?.0 < version {
            tokio::task::yield_now().await;
        }
        delays.push(told.elapsed().as_secs_f64() * 1e9);
    }
    Ok(delays)
}

async fn read(cache: &Cache<u64, u64>, truth: &AtomicU64) -> Result<(u64, Source)> {
    let load = || async { Ok::<_, Infallible>(Some(truth.load(Ordering::SeqCst))) };
    let found = cache.get_or_load(&1, load).await?.ok_or("the loader brings a value")?;
    Ok((*found, found.source()))
}
