//! A hit in the process's own tier of the cache, against moka, and beside other caches.

mod peers;

use std::{convert::Infallible, hint::black_box, sync::Arc};

use moka::sync::Cache as Moka;
use redstart_cache::{Cache, Source};
use redstart_connection::Store;
use redstart_keys::Ttl;
use tokio::runtime::Runtime;

use self::peers::{Cached, Cachet, Foyer};
use crate::{
    Result,
    contest::{Contest, Finding, Outcome, Plan},
    item::{ITEM, Item},
    judge::{Budget, TIME, Unit},
    load::{self, Caller, Load},
    report::Report,
};

/// The hot key.
const HOT: u64 = 42;
/// What the cache holds at the most, as it does by default.
const CAPACITY: u64 = 10_000;
/// How many calls the allocations are counted over.
const COUNTED: u64 = 10_000;

/// Measures the time of a hit on one and two threads, and what it allocates.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let moka = Moka::new(CAPACITY);
    moka.insert(HOT, Arc::new(Item::sample(HOT)));
    // Kept for the whole run: a value that is fetched anew now and then would count as slow hits.
    let cache = Cache::builder(&Store::memory(), &ITEM).l1_ttl(Ttl::hours(24)).build();
    runtime.block_on(Hit(cache.clone()).call());
    let (foyer, cached, cachet) =
        (Foyer::with_hot(), Cached::with_hot()?, runtime.block_on(Cachet::with_hot())?);

    for threads in [1, 2] {
        let load = (&runtime, Load::threads(threads));
        let mut contest = Contest::new(format!("l1, threads: {threads}"));
        let floor = contest.enter("moka get", load, |_| Bare(moka.clone()));
        let hit = contest.enter("get_or_load", load, |_| Hit(cache.clone()));
        let peers = [
            contest.enter("foyer get", load, |_| foyer.clone()),
            contest.enter("cached get", load, |_| cached.clone()),
            contest.enter("cachet get", load, |_| cachet.clone()),
        ];

        let mut outcome = contest.run(plan)?;
        outcome.compare(hit, floor, TIME, Some(Budget::AtMost(1.5)));
        for peer in peers {
            outcome.compare(hit, peer, TIME, None);
        }
        report.add(outcome);
    }
    report.add(allocations(plan, &runtime, moka, cache));
    Ok(())
}

/// Counts what a hit allocates beyond moka.
///
/// The counting allocator stands under the whole program; each allocation costs a few nanoseconds more,
/// on both sides of every ratio.
fn allocations(
    plan: &Plan,
    runtime: &Runtime,
    moka: Moka<u64, Arc<Item>>,
    cache: Cache<u64, Item>,
) -> Outcome {
    let (mut bare, mut hit) = (Bare(moka), Hit(cache));
    let rounds: Vec<_> = (0..plan.rounds)
        .map(|_| allocations_of(runtime, &mut hit) - allocations_of(runtime, &mut bare))
        .collect();
    let names = ("get_or_load", "moka get");
    let measure = ("allocations beyond it", Unit::Allocations);
    let finding = Finding::new(names, measure, &rounds, Some(Budget::AtMost(0.0)));
    Outcome { title: "l1, allocations of a hit".to_owned(), series: Vec::new(), findings: vec![finding] }
}

fn allocations_of(runtime: &Runtime, caller: &mut impl Caller) -> f64 {
    // On this thread, which alone is counted.
    let calls = async {
        for _ in 0..COUNTED {
            caller.call().await;
        }
    };
    let counted = allocation_counter::measure(|| runtime.block_on(calls));
    counted.count_total as f64 / COUNTED as f64
}

struct Bare(Moka<u64, Arc<Item>>);

impl Caller for Bare {
    async fn call(&mut self) -> bool {
        black_box(self.0.get(black_box(&HOT))).is_some()
    }
}

struct Hit(Cache<u64, Item>);

impl Caller for Hit {
    async fn call(&mut self) -> bool {
        let load = || async { Ok::<_, Infallible>(Some(Item::sample(HOT))) };
        let found = black_box(self.0.get_or_load(black_box(&HOT), load).await);
        matches!(found, Ok(Some(item)) if item.source() == Source::L1)
    }
}
