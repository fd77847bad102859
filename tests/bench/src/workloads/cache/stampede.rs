//! Ten thousand who miss the same value at the same time.

mod peers;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use redstart_cache::{Cache, CacheBuilder, SingleFlight};
use tokio::task::JoinSet;

use super::bento::Bento;
use crate::{
    Result,
    contest::{Contest, Entrant, Finding, Plan},
    item::{ITEM, Item},
    judge::{Budget, TIME, Unit},
    load::{self, Caller, Load},
    report::Report,
    server::Server,
};

/// How many miss at once.
const MISSES: usize = 10_000;
/// How many processes there are in the larger of the two, as far as the server can tell.
const PROCESSES: usize = 4;

/// How often each stampede has loaded.
#[derive(Clone, Default)]
struct Loads(Arc<Mutex<Vec<f64>>>);

/// Asks for a value: the caller's number, the value's, and where its loads are counted.
type Ask = dyn Fn(usize, u64, Arc<AtomicU64>) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

/// One stampede after another, each on a value of its own.
#[derive(Clone)]
struct Stampede {
    ask: Arc<Ask>,
    next: Arc<AtomicU64>,
    loads: Loads,
}

/// Measures whole stampedes, from the first miss to the last answer, and counts their loads.
pub(super) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let caches = |flight: Option<SingleFlight>| -> Result<Vec<Cache<u64, Item>>> {
        let cache = |_| {
            let builder = Cache::builder(&server.store(&runtime)?, &ITEM);
            let cache = flight.into_iter().fold(builder, CacheBuilder::single_flight).build();
            runtime.block_on(cache.ready());
            Ok(cache)
        };
        (0..PROCESSES).map(cache).collect()
    };
    // Each has ids of its own, which are nobody else's: what one has stored another would find.
    let alone = among(caches(None)?.drain(..1).collect());
    let four = among(caches(None)?).beginning_at(1 << 40);
    let fleet = among(caches(Some(SingleFlight::fleet()))?).beginning_at(2 << 40);
    let (moka, foyer) = (peers::moka(), peers::foyer());
    let (cached, cachet) = (peers::cached(), runtime.block_on(async { peers::cachet() }));
    let bento = Bento::stampedes(&server, MISSES)
        .inspect_err(|reason| eprintln!("bentocache is left out: {reason}"))
        .ok();

    let load = (&runtime, Load::tasks(1));
    let mut contest = Contest::new("cache, 10,000 misses at once");
    let floor = contest.enter("moka get_with", load, |_| moka.clone());
    let one = contest.enter("1 process", load, |_| alone.clone());
    let others = [
        contest.enter("4 processes", load, |_| four.clone()),
        contest.enter("4 processes, a fleet", load, |_| fleet.clone()),
    ];
    let mut peers: Vec<Entrant> = vec![
        contest.enter("foyer get_or_fetch", load, |_| foyer.clone()),
        contest.enter("cached by key", load, |_| cached.clone()),
        contest.enter("cachet get_or_insert", load, |_| cachet.clone()),
    ];
    peers.extend(
        bento.as_ref().map(|bento| contest.enter_process("bentocache, 1 process", |slice| bento.run(slice))),
    );
    let mut outcome = contest.run(plan)?;
    outcome.compare(one, floor, TIME, None);
    for other in others {
        outcome.compare(other, one, TIME, None);
    }
    for peer in peers {
        outcome.compare(one, peer, TIME, None);
    }
    let processes = PROCESSES as f64;
    let counted = [
        ("1 process", alone.loads.all(), Some(Budget::AtMost(1.0))),
        ("4 processes", four.loads.all(), Some(Budget::AtMost(processes))),
        ("4 processes, a fleet", fleet.loads.all(), Some(Budget::AtMost(1.0))),
        ("moka get_with", moka.loads.all(), None),
        ("foyer get_or_fetch", foyer.loads.all(), None),
        ("cached by key", cached.loads.all(), None),
        ("cachet get_or_insert", cachet.loads.all(), None),
        ("bentocache, 1 process", bento.as_ref().map(Bento::loads).unwrap_or_default(), None),
    ];
    for (name, loads, budget) in counted.into_iter().filter(|(_, loads, _)| !loads.is_empty()) {
        outcome.findings.push(Finding::new((name, "a stampede"), ("loads", Unit::Loads), &loads, budget));
    }
    report.add(outcome);
    Ok(())
}

/// Asks one of these caches after the other.
fn among(caches: Vec<Cache<u64, Item>>) -> Stampede {
    Stampede::new(move |caller, id, loads| {
        let cache = caches[caller % caches.len()].clone();
        async move {
            let load = || async { Ok::<_, Infallible>(Some(load_of(id, &loads).await)) };
            matches!(cache.get_or_load(&id, load).await, Ok(Some(_)))
        }
    })
}

/// What a loader brings, after others have had a chance to miss as well.
async fn load_of(id: u64, loads: &AtomicU64) -> Item {
    loads.fetch_add(1, Ordering::Relaxed);
    tokio::task::yield_now().await;
    Item::sample(id)
}

impl Loads {
    fn all(&self) -> Vec<f64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, loads: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(loads as f64);
    }
}

impl Stampede {
    fn new<F>(ask: impl Fn(usize, u64, Arc<AtomicU64>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let ask = Arc::new(move |caller, id, loads| -> Pin<Box<dyn Future<Output = bool> + Send>> {
            Box::pin(ask(caller, id, loads))
        });
        Self { ask, next: Arc::default(), loads: Loads::default() }
    }

    /// The same, on ids from here on.
    fn beginning_at(self, first: u64) -> Self {
        Self { next: Arc::new(AtomicU64::new(first)), ..self }
    }
}

impl Caller for Stampede {
    async fn call(&mut self) -> bool {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let loads = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for caller in 0..MISSES {
            callers.spawn((self.ask)(caller, id, Arc::clone(&loads)));
        }
        let are_answered = callers.join_all().await.into_iter().all(|answered| answered);
        self.loads.add(loads.load(Ordering::Relaxed));
        are_answered
    }
}
