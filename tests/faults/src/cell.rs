//! One fault on one topology, under four kinds of work at once.

use std::{collections::BTreeMap, time::Duration};

use redstart_connection::Store;
use serde::Serialize;
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    Result,
    clock::now,
    fault::{Fault, Since, Topology},
    inject::{heal, strike},
    load::{Load, Work},
    machine::Stalls,
    resources::Resources,
    site::Site,
};

const WARM_UP: Duration = Duration::from_millis(1_500);
const STEADY: Duration = Duration::from_millis(400);
/// From then on the fault is no news any more.
const SETTLED: Duration = Duration::from_millis(300);
/// The load goes on for a while after it recovered.
const AFTERMATH: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);
/// How many ids each kind of work is given.
const IDS: usize = 64;

/// What one fault did.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) fault: String,
    pub(crate) topology: String,
    pub(crate) cells: Vec<Cell>,
    pub(crate) before: Resources,
    pub(crate) after: Resources,
    /// The most that a sleeping thread overslept.
    pub(crate) machine_stall_ms: f64,
    /// The most that a sleeping task of the load's runtime overslept.
    pub(crate) runtime_stall_ms: f64,
    pub(crate) server: String,
}

/// What it did to one kind of work.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) work: &'static str,
    pub(crate) calls: usize,
    pub(crate) deadline_ms: f64,
    pub(crate) longest_ms: f64,
    /// What the machine overslept during the longest call.
    pub(crate) longest_stall_ms: f64,
    /// Of calls while the fault was known to be there.
    pub(crate) p99_away_ms: Option<f64>,
    /// What the machine overslept meanwhile.
    pub(crate) p99_stall_ms: f64,
    pub(crate) errors: BTreeMap<String, usize>,
    pub(crate) recovered_ms: Option<f64>,
    pub(crate) last_failure_ms: Option<f64>,
    pub(crate) doubled: u64,
    pub(crate) lost: u64,
}

/// The moments of a run.
struct Moments {
    struck: Duration,
    /// When the fault was over, or everything worked in spite of it.
    over: Duration,
    /// From when on recovery is measured.
    since: Duration,
}

/// Stages the fault and measures.
pub(crate) async fn run(runtime: &Runtime, fault: Fault, topology: Topology) -> Result<Run> {
    let mut site = Site::start(topology, fault.needs()).await?;
    let server = version(&site);
    let stalls = Stalls::watch(runtime);
    let loads = start(runtime, &site).await?;
    sleep(WARM_UP).await;
    pause(&loads).await;
    sleep(STEADY).await;
    let before = Resources::of(&site, &loads);
    resume(&loads);
    sleep(STEADY).await;

    let moments = stage(fault, topology, &mut site, &loads).await?;
    sleep(AFTERMATH).await;
    pause(&loads).await;
    site.settled().await;
    let after = Resources::returned(&site, &loads, before).await;
    let mut cells = Vec::new();
    for load in &loads {
        cells.push(cell(load, &stalls, &moments).await?);
    }
    let run = Run {
        fault: fault.to_string(),
        topology: topology.to_string(),
        cells,
        before,
        after,
        machine_stall_ms: stalls.between(Duration::ZERO, now()).longest_ms,
        runtime_stall_ms: stalls.in_runtime_ms(),
        server,
    };
    for load in &loads {
        load.end().await;
        let shutdown = load.store.shutdown(Duration::from_secs(2)).await;
        if !shutdown.is_clean() {
            return Err(format!("{}: the store did not end: {shutdown:?}", load.work.name()).into());
        }
    }
    Ok(run)
}

/// Each kind of work on a store of its own, which is connected.
pub(crate) async fn start(runtime: &Runtime, site: &Site) -> Result<Vec<Load>> {
    let ids = site.ids(IDS);
    let mut loads = Vec::new();
    for work in Work::ALL {
        let config = site.config(work.name())?;
        let store = runtime.spawn(async move { Store::connect(&config).await }).await??;
        let (handle, ids) = (runtime.handle().clone(), ids.clone());
        loads.push(runtime.spawn(async move { Load::start(&handle, work, store, &ids).await }).await??);
    }
    Ok(loads)
}

pub(crate) async fn pause(loads: &[Load]) {
    for load in loads {
        load.pause().await;
    }
}

pub(crate) fn resume(loads: &[Load]) {
    loads.iter().for_each(Load::resume);
}

/// Strikes, waits, heals, and waits until everything works again.
async fn stage(fault: Fault, topology: Topology, site: &mut Site, loads: &[Load]) -> Result<Moments> {
    let is_idle = fault == Fault::HalfOpenIdle;
    if is_idle {
        pause(loads).await;
    }
    let struck = now();
    let kept = strike(fault, site).await?;
    if fault.since(topology) == Since::Injection {
        let over = await_recovery(fault, struck, loads, true).await;
        heal(fault, site, kept)?;
        return Ok(Moments { struck, over, since: struck });
    }
    sleep(fault.hold()).await;
    let over = now();
    heal(fault, site, kept)?;
    let since = now();
    if is_idle {
        resume(loads);
    }
    await_recovery(fault, since, loads, false).await;
    Ok(Moments { struck, over, since })
}

/// Waits until every kind of work goes on; answers when.
async fn await_recovery(fault: Fault, since: Duration, loads: &[Load], after_failure: bool) -> Duration {
    // A fault that nobody has noticed by then will not be noticed.
    let noticed_by = since + Duration::from_secs(4);
    let give_up = since + fault.patience();
    loop {
        let all = loads.iter().all(|load| {
            let unnoticed = after_failure && noticed_by < now() && !load.record.noticed(since);
            load.record.recovered(since, after_failure && !unnoticed).is_some()
        });
        if all || give_up < now() {
            return now();
        }
        sleep(POLL).await;
    }
}

async fn cell(load: &Load, stalls: &Stalls, moments: &Moments) -> Result<Cell> {
    let Moments { struck, over, since } = *moments;
    let record = &load.record;
    let (longest, began) = record.longest();
    let after_failure = since == struck && record.noticed(since);
    let (doubled, lost) = load.verdict().await?;
    let window = (struck + SETTLED, over);
    Ok(Cell {
        work: load.work.name(),
        calls: record.count(),
        deadline_ms: millis(load.work.deadline(&load.store)),
        longest_ms: millis(longest),
        longest_stall_ms: stalls.between(began, began + longest).longest_ms,
        p99_away_ms: record.p99(window.0, window.1).map(millis),
        p99_stall_ms: stalls.between(window.0, window.1).p99_ms,
        errors: record.errors(),
        recovered_ms: record.recovered(since, after_failure).map(millis),
        last_failure_ms: record.last_failure(since).map(millis),
        doubled,
        lost,
    })
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The kind of server and its version.
pub(crate) fn version(site: &Site) -> String {
    let info = site.victim_raw().command(&["INFO", "server"]).text();
    let field = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name));
    match (field("valkey_version:"), field("redis_version:")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, version) => format!("Redis {}", version.unwrap_or("unknown")),
    }
}
