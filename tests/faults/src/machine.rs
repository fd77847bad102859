//! The machine: what it is, and how often it let a sleeper oversleep.

use std::{
    fs,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::runtime::Runtime;

use crate::clock::now;

const NAP: Duration = Duration::from_millis(1);
/// Room for more naps than any run takes, so that watching allocates nothing.
const NAPS: usize = 1 << 17;

/// Sleeps a millisecond again and again, in a thread and in a task of the load's runtime.
///
/// What the thread oversleeps is the machine's doing; what the task oversleeps beyond that is ours.
pub(crate) struct Stalls {
    naps: Arc<Mutex<Vec<(Duration, Duration)>>>,
    in_runtime: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
}

/// How much longer naps took than they should.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Overslept {
    pub(crate) p99_ms: f64,
    pub(crate) longest_ms: f64,
}

impl Stalls {
    pub(crate) const RESERVED: usize = NAPS * size_of::<(Duration, Duration)>();

    pub(crate) fn watch(load: &Runtime) -> Self {
        let stalls = Self {
            naps: Arc::new(Mutex::new(Vec::with_capacity(NAPS))),
            in_runtime: Arc::default(),
            ends: Arc::default(),
        };
        let (naps, ends) = (Arc::clone(&stalls.naps), Arc::clone(&stalls.ends));
        thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let slept = now();
                thread::sleep(NAP);
                let mut naps = naps.lock().unwrap_or_else(PoisonError::into_inner);
                if naps.len() < NAPS {
                    naps.push((slept, (now() - slept).saturating_sub(NAP)));
                }
            }
        });
        let (longest, ends) = (Arc::clone(&stalls.in_runtime), Arc::clone(&stalls.ends));
        load.spawn(async move {
            while !ends.load(Ordering::Relaxed) {
                let slept = now();
                tokio::time::sleep(NAP).await;
                // The runtime's timers tick in milliseconds.
                let late = (now() - slept).saturating_sub(2 * NAP);
                longest.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        stalls
    }

    /// What the thread overslept between two times.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> Overslept {
        let naps = self.naps.lock().unwrap_or_else(PoisonError::into_inner);
        let within = naps.iter().filter(|(slept, late)| from <= *slept + NAP + *late && *slept <= to);
        let mut late: Vec<_> = within.map(|(_, late)| *late).collect();
        late.sort_unstable();
        let at =
            |share: usize| late.get(late.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
        Overslept { p99_ms: at(99).as_secs_f64() * 1e3, longest_ms: at(100).as_secs_f64() * 1e3 }
    }

    /// Begins anew, since there is no room for more than two minutes.
    pub(crate) fn forget(&mut self) {
        self.naps.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The most that the task overslept.
    pub(crate) fn in_runtime_ms(&self) -> f64 {
        Duration::from_micros(self.in_runtime.load(Ordering::Relaxed)).as_secs_f64() * 1e3
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// The machine in one line.
pub(crate) fn description() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {}, Linux {}", model.map_or("unknown", |(_, model)| model), kernel.trim())
}

/// The load average of the last minute.
pub(crate) fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// What a program prints, or a dash.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "–".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
