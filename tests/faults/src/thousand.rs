//! A thousand cut connections under counters that must count nothing twice.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::try_join_all;
use redstart_connection::{Config, Store};
use redstart_testkit::{Fault, Proxy, RedisServer};
use serde::Serialize;
use tokio::{runtime::Runtime, task::block_in_place, time::sleep};

use crate::{
    Result,
    clock::now,
    load::{Hit, Tally, count},
};

/// A store replaces a lane once in a second, so many are struck at the same time.
const STORES: usize = 20;
const FAULTS_PER_STORE: usize = 50;
const TASKS_PER_STORE: usize = 4;
const POLL: Duration = Duration::from_millis(5);
/// A fault that hits nothing by then is an error of this program.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Thousand {
    faults: usize,
    acknowledged: u64,
    unknown: u64,
    counted: u64,
    doubled: u64,
    lost: u64,
    longest_ms: f64,
}

/// One store behind its proxy, and what is known of its counter.
struct Counter {
    id: u64,
    store: Store,
    proxy: Proxy,
    tally: Arc<Tally>,
}

/// Cuts and counts.
pub(crate) async fn run(runtime: &Runtime) -> Result<Thousand> {
    let server = block_in_place(RedisServer::start);
    eprintln!("{} faults under {STORES} counters: about a minute and a half", STORES * FAULTS_PER_STORE);
    let mut counters = Vec::new();
    for id in (1..).take(STORES) {
        let proxy = Proxy::start(server.address()).await;
        let config = Config::from_url(&server.url_at(proxy.address()))?.with_prefix("thousand")?;
        counters.push(Counter { id, store: Store::lazy(&config)?, proxy, tally: Arc::default() });
    }
    let ends = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = counters
        .iter()
        .flat_map(|counter| (0..TASKS_PER_STORE).map(move |_| counter))
        .map(|counter| {
            let (store, tally, hit) = (counter.store.clone(), Arc::clone(&counter.tally), Hit(counter.id));
            let ends = Arc::clone(&ends);
            runtime.spawn(async move {
                let mut longest = Duration::ZERO;
                loop {
                    let began = now();
                    let outcome = store.run(&hit).await;
                    longest = longest.max(now() - began);
                    tally.note(&outcome);
                    if ends.load(Ordering::SeqCst) {
                        return longest;
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    let struck = try_join_all(counters.iter().map(Counter::strike)).await;
    ends.store(true, Ordering::SeqCst);
    let mut longest = Duration::ZERO;
    for worker in workers {
        longest = longest.max(worker.await?);
    }
    let mut found = Thousand {
        faults: struck?.into_iter().sum(),
        acknowledged: 0,
        unknown: 0,
        counted: 0,
        doubled: 0,
        lost: 0,
        longest_ms: longest.as_secs_f64() * 1e3,
    };
    for Counter { id, store, tally, .. } in &counters {
        let count = count(store, *id).await?;
        found.acknowledged += tally.acknowledged();
        found.unknown += tally.unknown();
        found.counted += count;
        found.doubled += tally.doubled(count);
        found.lost += tally.lost(count);
    }
    Ok(found)
}

impl Counter {
    /// Strikes again and again, each time a counter that works; answers how often.
    async fn strike(&self) -> Result<usize> {
        for number in 0..FAULTS_PER_STORE {
            self.advanced(Tally::acknowledged).await?;
            // Somewhere between two calls, or in the middle of one.
            sleep(Duration::from_micros(fastrand::u64(0..3_000))).await;
            if number % 2 == 0 {
                self.proxy.reset_existing();
            } else {
                self.proxy.set(Fault::CutReplies(fastrand::usize(0..4)));
                self.advanced(|tally| tally.failed()).await?;
                self.proxy.set(Fault::None);
            }
        }
        Ok(FAULTS_PER_STORE)
    }

    /// Waits until a few more calls have ended in this way.
    async fn advanced(&self, ended: impl Fn(&Tally) -> u64) -> Result {
        let (goal, give_up) = (ended(&self.tally) + 3, now() + PATIENCE);
        while ended(&self.tally) < goal {
            if give_up < now() {
                return Err("a counter stands still".into());
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}

impl Thousand {
    pub(crate) fn misses(&self) -> Vec<String> {
        let Self { doubled, lost, .. } = self;
        let is_true = *doubled == 0 && *lost == 0;
        (!is_true).then(|| format!("a thousand faults: {doubled} doubled, {lost} lost")).into_iter().collect()
    }
}

impl fmt::Display for Thousand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, acknowledged, unknown, counted, doubled, lost, longest_ms } = self;
        write!(
            f,
            "{faults} resets and cuts under INCR: {acknowledged} acknowledged, {unknown} unknown, {counted} counted, \
             {doubled} twice, {lost} lost; the longest call took {longest_ms:.0} ms"
        )
    }
}
