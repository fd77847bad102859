//! A thousand who miss the same value at the same time.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::future::Cache as Moka;
use redstart_cache::Cache;
use tokio::task::JoinSet;

use crate::{
    Result,
    contest::{Contest, Plan},
    item::{ITEM, Item},
    judge::TIME,
    load::{self, Caller, Load},
    report::Report,
    server::Server,
};

/// How many miss at once.
const MISSES: usize = 1_000;
/// How many processes there are in the larger of the two, as far as the server can tell.
const PROCESSES: usize = 4;

/// Measures whole stampedes, from the first miss to the last answer, in one process and in four.
pub(super) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let caches: Vec<Cache<u64, Item>> = (0..PROCESSES)
        .map(|_| server.store(&runtime).map(|store| Cache::new(&store, &ITEM)))
        .collect::<Result<_>>()?;
    let next = Arc::new(AtomicU64::new(0));
    let stampede =
        |caches: &[Cache<u64, Item>]| Stampede { caches: caches.to_vec(), next: Arc::clone(&next) };
    let load = (&runtime, Load::tasks(1));
    let mut contest = Contest::new("cache, 1,000 misses at once");
    let floor = contest.enter("moka get_with", load, |_| Peer(Moka::new(10_000), 0));
    let one = contest.enter("1 process", load, |_| stampede(&caches[..1]));
    let four = contest.enter("4 processes", load, |_| stampede(&caches));
    let mut outcome = contest.run(plan)?;
    outcome.compare(one, floor, TIME, None);
    outcome.compare(four, one, TIME, None);
    report.add(outcome);
    Ok(())
}

struct Stampede {
    caches: Vec<Cache<u64, Item>>,
    next: Arc<AtomicU64>,
}

impl Caller for Stampede {
    /// One stampede; no process may load more than once.
    async fn call(&mut self) -> bool {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let loads = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for caller in 0..MISSES {
            let (cache, loads) = (self.caches[caller % self.caches.len()].clone(), Arc::clone(&loads));
            callers.spawn(async move {
                let load = || async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, Infallible>(Some(Item::sample(id)))
                };
                matches!(cache.get_or_load(&id, load).await, Ok(Some(_)))
            });
        }
        let are_answered = callers.join_all().await.into_iter().all(|answered| answered);
        are_answered && loads.load(Ordering::Relaxed) <= self.caches.len() as u64
    }
}

struct Peer(Moka<u64, Arc<Item>>, u64);

impl Caller for Peer {
    async fn call(&mut self) -> bool {
        self.1 += 1;
        let id = self.1;
        let mut callers = JoinSet::new();
        for _ in 0..MISSES {
            let cache = self.0.clone();
            callers.spawn(async move { cache.get_with(id, async { Arc::new(Item::sample(id)) }).await });
        }
        callers.join_all().await.len() == MISSES
    }
}
