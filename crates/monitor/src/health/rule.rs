//! The rules, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Issue, Severity};
use crate::{Facts, Reach, ServerInfo, Window, facts::POOL_RULE};

/// A bound on one fact, with what breaking it costs.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rule {
    /// Identifies the rule in issues and alerts.
    pub name: &'static str,
    /// What is wrong when it is broken, as a sentence without its end.
    pub problem: &'static str,
    /// What to do then.
    pub remedy: &'static str,
    /// What the measured value counts.
    pub unit: Unit,
    /// Whether values below the bounds break the rule, rather than those above.
    pub is_floor: bool,
    /// The bound of a warning.
    pub warning: Option<Level>,
    /// The bound of a critical issue.
    pub critical: Option<Level>,
    measure: fn(&Facts) -> Option<f64>,
}

/// A bound, and what breaking it takes off the score.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Level {
    /// Values beyond it break the rule.
    pub threshold: f64,
    /// What that takes off the score.
    pub weight: u8,
}

/// What the value of a rule counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share of one.
    Ratio,
    /// Things, or so many times as much.
    Count,
    /// Yes is one, no is zero.
    Truth,
}

const fn level(threshold: f64, weight: u8) -> Option<Level> {
    Some(Level { threshold, weight })
}

const RULES: &[Rule] = &[
    Rule {
        name: "unreachable",
        problem: "the server does not answer",
        remedy: "Check that the server runs, and that address, credentials and network of the connection are right.",
        unit: Unit::Truth,
        is_floor: false,
        warning: None,
        critical: level(0.0, 100),
        measure: |facts| truth(facts.reach == Reach::Silent),
    },
    Rule {
        name: "loading",
        problem: "the server is still loading its data",
        remedy: "Wait for the server to load its data; a restart begins it anew.",
        unit: Unit::Truth,
        is_floor: false,
        warning: None,
        critical: level(0.0, 60),
        measure: |facts| truth(facts.reach == Reach::Loading || of(facts, |info| info.persistence.loading)),
    },
    Rule {
        name: "latency",
        problem: "a PING takes long",
        remedy: "Look for slow commands in the slow log, for swapping on the server, and at the network between.",
        unit: Unit::Seconds,
        is_floor: false,
        warning: level(0.010, 10),
        critical: level(0.100, 30),
        measure: |facts| facts.latency.map(|latency| latency.as_secs_f64()),
    },
    Rule {
        name: "memory",
        problem: "memory is close to its bound",
        remedy: "Raise maxmemory, shorten TTLs, or look for big keys and keys without a TTL.",
        unit: Unit::Ratio,
        is_floor: false,
        warning: level(0.80, 15),
        critical: level(0.85, 30),
        measure: |facts| facts.server.as_ref()?.memory.usage(),
    },
    Rule {
        name: "evicts-coordination",
        problem: "the server may throw out locks when its memory is full",
        remedy: "Set maxmemory-policy to noeviction, or keep locks on a second server (REDIS_COORDINATION_URL).",
        unit: Unit::Truth,
        is_floor: false,
        warning: level(0.0, 20),
        critical: None,
        measure: |facts| {
            let memory = &facts.server.as_ref()?.memory;
            let evicts = memory.limit.is_some() && !matches!(memory.policy.as_str(), "noeviction" | "");
            truth(facts.status.relies_on_keeping && evicts)
        },
    },
    Rule {
        name: "hit-rate",
        problem: "few reads find their key",
        remedy: "Warm the caches, lengthen TTLs, and see whether keys are evicted or invalidated too often.",
        unit: Unit::Ratio,
        is_floor: true,
        warning: level(0.90, 10),
        critical: level(0.70, 25),
        measure: |facts| facts.window.as_ref().and_then(Window::hit_rate),
    },
    Rule {
        // The threshold of its warning is that of the configuration, where there is one.
        name: POOL_RULE,
        problem: "the connection is close to its capacity",
        remedy: "Raise REDIS_POOL_SIZE or the number of lanes, and look for slow or blocking commands.",
        unit: Unit::Ratio,
        is_floor: false,
        warning: level(0.80, 10),
        critical: level(0.98, 30),
        measure: |facts| if facts.reach == Reach::Overloaded { Some(1.0) } else { facts.pool_utilization() },
    },
    Rule {
        name: "lanes",
        problem: "some connections are down while others stand",
        remedy: "Look for resets between this process and the server: idle time-outs, proxies, client limits.",
        unit: Unit::Count,
        is_floor: false,
        warning: level(0.0, 10),
        critical: None,
        measure: |facts| match (facts.reach, facts.status.lanes.checked_sub(facts.status.connected)) {
            (Reach::Answered, Some(down)) => u32::try_from(down).ok().map(f64::from),
            _ => None,
        },
    },
    Rule {
        name: "clients",
        problem: "the server has few connections left",
        remedy: "Look for a client that leaks connections, or raise maxclients.",
        unit: Unit::Ratio,
        is_floor: false,
        warning: level(0.80, 10),
        critical: level(0.95, 30),
        measure: |facts| facts.server.as_ref()?.clients.usage(),
    },
    Rule {
        name: "rejected-connections",
        problem: "the server refuses connections",
        remedy: "Raise maxclients, or lower the number of connections per process.",
        unit: Unit::Count,
        is_floor: false,
        warning: level(5.0, 15),
        critical: None,
        measure: |facts| facts.window.as_ref().and_then(Window::rejected_per_minute),
    },
    Rule {
        name: "snapshot",
        problem: "the last snapshot failed",
        remedy: "Look at the server's log and the space on its disk; vm.overcommit_memory should be 1.",
        unit: Unit::Truth,
        is_floor: false,
        warning: level(0.0, 15),
        critical: None,
        measure: |facts| truth(of(facts, |info| info.persistence.snapshot_failed)),
    },
    Rule {
        name: "append-only-file",
        problem: "the append-only file can't be written",
        remedy: "Make room on the server's disk; until then the server may refuse writes.",
        unit: Unit::Truth,
        is_floor: false,
        warning: None,
        critical: level(0.0, 30),
        measure: |facts| truth(of(facts, |info| info.persistence.append_failed)),
    },
    Rule {
        name: "replica-link",
        problem: "this replica has lost its primary",
        remedy: "Check the primary and the network to it; what is read here grows old.",
        unit: Unit::Truth,
        is_floor: false,
        warning: None,
        critical: level(0.0, 30),
        measure: |facts| truth(of(facts, |info| info.replication.link_up == Some(false))),
    },
    Rule {
        name: "replica-lag",
        problem: "a replica has not been heard of for long",
        remedy: "Check the replica and the network to it; a failover now would lose writes.",
        unit: Unit::Seconds,
        is_floor: false,
        warning: level(10.0, 10),
        critical: None,
        measure: |facts| facts.server.as_ref()?.replication.lag.map(|lag| lag.as_secs_f64()),
    },
    Rule {
        name: "fragmentation",
        problem: "memory is fragmented",
        remedy: "Turn on activedefrag, or restart the server at a quiet hour.",
        unit: Unit::Count,
        is_floor: false,
        warning: level(1.5, 5),
        critical: None,
        measure: |facts| {
            let memory = &facts.server.as_ref()?.memory;
            // A small server's ratio is made of the program itself.
            (memory.used >= 64 * 1024 * 1024).then_some(memory.fragmentation)
        },
    },
    Rule {
        name: "no-info",
        problem: "the server does not tell its state",
        remedy: "Allow the user of this connection the command INFO (+info).",
        unit: Unit::Truth,
        is_floor: false,
        warning: level(0.0, 5),
        critical: None,
        measure: |facts| truth(facts.reach == Reach::Answered && facts.server.is_none()),
    },
];

/// The rules by which the health is judged.
///
/// ```
/// let memory = redstart_monitor::rules().iter().find(|rule| rule.name == "memory");
/// let critical = memory.and_then(|rule| rule.critical);
/// assert_eq!(critical.map(|level| (level.threshold, level.weight)), Some((0.85, 30)));
/// ```
#[must_use]
pub const fn rules() -> &'static [Rule] {
    RULES
}

impl Rule {
    pub(super) fn judge(&self, facts: &Facts) -> Option<Issue> {
        let value = (self.measure)(facts)?;
        let is_broken = |level: &Level| {
            if self.is_floor { value < level.threshold } else { value > level.threshold }
        };
        let critical = self.critical.filter(is_broken).map(|level| (Severity::Critical, level));
        let set = facts.threshold_of(self.name);
        let configured = |level: Level| Level { threshold: set.unwrap_or(level.threshold), ..level };
        let warning =
            || self.warning.map(configured).filter(is_broken).map(|level| (Severity::Warning, level));
        let (severity, Level { threshold, weight }) = critical.or_else(warning)?;
        let message = match self.unit {
            Unit::Truth => self.problem.to_owned(),
            unit => {
                let bound = if self.is_floor { "at least" } else { "at most" };
                format!("{}: {}, {bound} {}", self.problem, unit.show(value), unit.show(threshold))
            }
        };
        Some(Issue {
            rule: self.name,
            severity,
            message,
            value,
            threshold,
            unit: self.unit,
            weight,
            remedy: self.remedy,
        })
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("name", &self.name)
            .field("warning", &self.warning)
            .field("critical", &self.critical)
            .finish_non_exhaustive()
    }
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 1.0 => format!("{:.1} ms", value * 1_000.0),
            Self::Seconds => format!("{value:.1} s"),
            Self::Ratio => format!("{:.1} %", value * 100.0),
            Self::Count | Self::Truth => format!("{value:.1}"),
        }
    }
}

fn truth(is: bool) -> Option<f64> {
    Some(if is { 1.0 } else { 0.0 })
}

fn of(facts: &Facts, is: impl FnOnce(&ServerInfo) -> bool) -> bool {
    facts.server.as_ref().is_some_and(is)
}
