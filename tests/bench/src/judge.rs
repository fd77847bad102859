//! What is compared, what is promised, and whether it holds.

use std::fmt;

use serde::Serialize;

use crate::{contest::Sample, statistics::Summary};

/// How two contestants are compared in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// What the number is: `throughput`, `time per call`.
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// The contestant's round and the floor's.
    pub(crate) compare: fn(&Sample, &Sample) -> f64,
}

/// What a result counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unit {
    /// Times the floor.
    Times,
    Nanoseconds,
    Allocations,
    Loads,
}

/// Calls per second, as a multiple of the floor's.
pub(crate) const THROUGHPUT: Measure = Measure {
    name: "throughput",
    unit: Unit::Times,
    compare: |mine, floor| mine.calls_per_second() / floor.calls_per_second(),
};

/// Time per call, as a multiple of the floor's.
pub(crate) const TIME: Measure = Measure {
    name: "time",
    unit: Unit::Times,
    compare: |mine, floor| floor.calls_per_second() / mine.calls_per_second(),
};

/// Time per call beyond the floor's.
pub(crate) const ADDED: Measure = Measure {
    name: "added time",
    unit: Unit::Nanoseconds,
    compare: |mine, floor| mine.nanos_per_call() - floor.nanos_per_call(),
};

/// CPU of the whole server per call, as a multiple of the floor's.
pub(crate) const SERVER: Measure = Measure {
    name: "server CPU",
    unit: Unit::Times,
    compare: |mine, floor| mine.server_micros_per_call() / floor.server_micros_per_call(),
};

/// The server's time inside commands per call, as a multiple of the floor's.
pub(crate) const IN_COMMANDS: Measure = Measure {
    name: "in commands",
    unit: Unit::Times,
    compare: |mine, floor| mine.in_commands_micros_per_call() / floor.in_commands_micros_per_call(),
};

/// What is promised of a measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Budget {
    AtLeast(f64),
    AtMost(f64),
}

/// Whether a budget holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Yes,
    No,
    /// The rounds were too few or too far apart to tell.
    Unresolved,
}

/// Fewer rounds than this resolve nothing.
const ROUNDS: usize = 15;

impl Budget {
    /// Yes when even the worse end of the interval is within the tolerance, no when not even the better is.
    pub(crate) fn judge(self, summary: &Summary, unit: Unit) -> Verdict {
        let tolerance = match unit {
            Unit::Times | Unit::Allocations | Unit::Loads => 0.03,
            Unit::Nanoseconds => 0.03 * self.limit(),
        };
        let (holds, fails) = match self {
            Self::AtLeast(limit) => (limit - tolerance <= summary.low, summary.high < limit - tolerance),
            Self::AtMost(limit) => (summary.high <= limit + tolerance, limit + tolerance < summary.low),
        };
        match (holds, fails) {
            _ if summary.rounds < ROUNDS => Verdict::Unresolved,
            (true, _) => Verdict::Yes,
            (_, true) => Verdict::No,
            _ => Verdict::Unresolved,
        }
    }

    pub(crate) const fn limit(self) -> f64 {
        let (Self::AtLeast(limit) | Self::AtMost(limit)) = self;
        limit
    }

    pub(crate) const fn bound(self) -> &'static str {
        match self {
            Self::AtLeast(_) => "at least",
            Self::AtMost(_) => "at most",
        }
    }
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2}×"),
            Self::Nanoseconds => format!("{value:.0} ns"),
            Self::Loads => format!("{value:.0}"),
            // Plus zero, so that a little less than nothing is not shown as minus nothing.
            Self::Allocations => format!("{:.2}", (value * 100.0).round() / 100.0 + 0.0),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unresolved => "unresolved",
        })
    }
}

#[cfg(test)]
mod tests;
