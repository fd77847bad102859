//! The workloads.

mod added;
mod cache;
mod door;
mod l1;
mod limits;
mod lock;
mod node;
mod peers;
mod rate;

pub(crate) use self::cache::attend;
use crate::{Result, contest::Plan, report::Report};

/// What is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Workload {
    /// Commands through the store's door, against redis-rs.
    Door,
    /// Nanoseconds that the door adds to a call.
    Added,
    /// A hit in the process's own tier of the cache, against moka, foyer, cached and cachet.
    L1,
    /// Hits of the store and batches, against redis-rs; stampedes and coherence, beside other caches.
    Cache,
    /// A rate check that is allowed, against the leanest script.
    Rate,
    /// Limits without a round trip, against governor, and the algorithms beside each other.
    Limits,
    /// Cycles and hand-offs of a lock, against redis-rs, BLPOP, rslock and redlock.
    Lock,
    /// Reads, beside bb8-redis, deadpool-redis and fred.
    Peers,
    /// What [`Workload::Added`] measures, in a process that records for Prometheus.
    Observed,
}

impl Workload {
    /// All of them; from the last one on the process has a recorder.
    pub(crate) const ALL: [Self; 9] = [
        Self::Door,
        Self::Added,
        Self::L1,
        Self::Cache,
        Self::Rate,
        Self::Limits,
        Self::Lock,
        Self::Peers,
        Self::Observed,
    ];

    pub(crate) fn measure(self, plan: &Plan, report: &mut Report) -> Result {
        match self {
            Self::Door => door::measure(plan, report),
            Self::Added => added::measure(plan, report),
            Self::L1 => l1::measure(plan, report),
            Self::Cache => cache::measure(plan, report),
            Self::Rate => rate::measure(plan, report),
            Self::Limits => limits::measure(plan, report),
            Self::Lock => lock::measure(plan, report),
            Self::Peers => peers::measure(plan, report),
            Self::Observed => added::measure_observed(plan, report),
        }
    }
}
