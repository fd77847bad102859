//! One stretch of a soak: strike, recover, stand still, judge, go on.

use std::{fmt, time::Duration};

use fastrand::Rng;
use tokio::{runtime::Runtime, time::sleep};

use super::plan::Stretch;
use crate::{
    Result,
    cell::{AFTERMATH, Cell, WARM_UP, cell},
    clock::now,
    judge,
    load::{Load, Work, end_all, pause_all, resume_all, start_all},
    machine::Stalls,
    resources::Resources,
    site::Site,
    stage::stage,
};

/// From one strike to the next, in milliseconds.
const BETWEEN: std::ops::RangeInclusive<u64> = 5_000..=15_000;

/// What came of a stretch.
#[derive(Debug, Default)]
pub(super) struct Soaked {
    faults: usize,
    acknowledged: u64,
    unknown: u64,
    counted: u64,
    /// Acknowledged increments that a successor had not been told of.
    left_behind: u64,
    longest_ms: f64,
    pub(super) misses: Vec<String>,
}

impl Stretch {
    /// Strikes for as long as `length`, and a little longer, lest the last fault be cut off.
    pub(super) async fn run(&self, runtime: &Runtime, length: Duration, dice: &mut Rng) -> Result<Soaked> {
        let Self { topology, faults, needs } = self;
        let mut site = Site::start(*topology, *needs).await?;
        let mut stalls = Stalls::watch(runtime);
        let loads = start_all(runtime, &site).await?;
        sleep(WARM_UP).await;
        pause_all(&loads).await;
        let before = Resources::of(&site, &loads);
        let mut soaked = Soaked::default();
        let began = now();
        while now() < began + length {
            resume_all(&loads);
            let next = now() + Duration::from_millis(dice.u64(BETWEEN));
            let fault = faults[dice.usize(..faults.len())];
            site.aim();
            let master = site.master();
            let moments = stage(fault, *topology, &mut site, &loads).await?;
            sleep(AFTERMATH.max(next.saturating_sub(now()))).await;
            pause_all(&loads).await;
            site.settled().await;
            let took_over = site.master() != master;

            let mut misses = Vec::new();
            let mut slowest = 0.0_f64;
            for load in &loads {
                let cell = cell(load, &stalls, &moments).await?;
                misses.extend(judge::interval(&cell, fault, *topology, took_over));
                slowest = slowest.max(cell.recovered_ms.unwrap_or(f64::INFINITY));
                soaked.note(load, &cell).await?;
            }
            stalls.forget();
            let at = (moments.struck - began).as_secs();
            eprintln!("{:>3}:{:02}  {fault:<16}{slowest:>6.0} ms  {soaked}", at / 60, at % 60);
            misses.iter().for_each(|miss| eprintln!("        MISSED {miss}"));
            soaked.misses.extend(misses);
            if took_over && site.has_proxies() {
                eprintln!(
                    "        another server took over, which no proxy stands before: the stretch ends here"
                );
                break;
            }
        }
        let after = Resources::returned(&site, &loads, before).await;
        soaked.misses.extend(after.missing(before));
        end_all(&loads).await?;
        Ok(soaked)
    }
}

impl Soaked {
    /// A stretch that came to no end.
    pub(super) fn failed(reason: String) -> Self {
        Self { misses: vec![reason], ..Self::default() }
    }

    /// Takes in what was judged, after which the load begins a new page.
    async fn note(&mut self, load: &Load, cell: &Cell) -> Result {
        self.longest_ms = self.longest_ms.max(if load.work == Work::Feed { 0.0 } else { cell.longest_ms });
        if load.work == Work::Incr {
            self.faults += 1;
            self.acknowledged = load.tally.acknowledged();
            self.unknown = load.tally.unknown();
            self.counted = load.counted().await?;
            self.left_behind += cell.lost;
        }
        load.turn_page(cell.doubled, cell.lost);
        Ok(())
    }
}

impl fmt::Display for Soaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, acknowledged, unknown, counted, left_behind, longest_ms, misses: _ } = self;
        write!(
            f,
            "{faults} faults, {acknowledged} acknowledged, {unknown} unknown, {counted} counted, \
             {left_behind} left behind; the longest call took {longest_ms:.0} ms"
        )
    }
}
