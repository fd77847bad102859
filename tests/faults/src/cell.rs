//! One fault on one topology, under four kinds of work at once.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    Result,
    clock::now,
    fault::{Fault, Topology},
    load::{Load, end_all, pause_all, resume_all, start_all},
    machine::Stalls,
    resources::Resources,
    site::Site,
    stage::{Moments, stage},
};

pub(crate) const WARM_UP: Duration = Duration::from_millis(1_500);
const STEADY: Duration = Duration::from_millis(400);
/// From then on the fault is no news any more.
const SETTLED: Duration = Duration::from_millis(300);
/// The load goes on for a while after it recovered.
pub(crate) const AFTERMATH: Duration = Duration::from_secs(1);

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

/// Stages the fault and measures.
pub(crate) async fn run(runtime: &Runtime, fault: Fault, topology: Topology) -> Result<Run> {
    let mut site = Site::start(topology, fault.needs()).await?;
    let server = version(&site);
    let stalls = Stalls::watch(runtime);
    let loads = start_all(runtime, &site).await?;
    sleep(WARM_UP).await;
    pause_all(&loads).await;
    sleep(STEADY).await;
    let before = Resources::of(&site, &loads);
    resume_all(&loads);
    sleep(STEADY).await;

    let moments = stage(fault, topology, &mut site, &loads).await?;
    sleep(AFTERMATH).await;
    pause_all(&loads).await;
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
    end_all(&loads).await?;
    Ok(run)
}

/// What became of one kind of work since its record was begun.
pub(crate) async fn cell(load: &Load, stalls: &Stalls, moments: &Moments) -> Result<Cell> {
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
