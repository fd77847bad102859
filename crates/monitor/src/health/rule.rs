//! What a rule is: a bound on one fact.

use std::{fmt, mem, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Issue, Severity};
use crate::Facts;

/// A bound on one fact, with what breaking it costs and what to do then.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_monitor::{Monitor, Rule, Unit};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let backlog = || 250.0; // orders that wait, as this service knows them
/// let monitor = Monitor::new(Store::memory());
/// monitor.add_rule(
///     Rule::new("orders", "orders that wait", "orders wait for a worker", "Start another worker.")
///         .in_unit(Unit::Count)
///         .warns_beyond(100.0, 10)
///         .measured_by(move |_| Some(backlog())),
/// );
/// let health = monitor.health().await;
/// assert_eq!((health.score, health.issues[0].rule), (90, "orders"));
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Rule {
    /// Identifies the rule in issues and alerts.
    pub name: &'static str,
    /// The fact that is measured, for people.
    pub fact: &'static str,
    /// What is wrong when it is broken, as a sentence without its end.
    pub problem: &'static str,
    /// What to do then.
    pub remedy: &'static str,
    /// A command that does it, or shows where to look; empty where there is none.
    pub command: &'static str,
    /// What it takes to measure the fact, for those who can't.
    pub needs: &'static str,
    /// What the measured value counts.
    pub unit: Unit,
    /// Whether values below the bounds break the rule, rather than those above.
    pub is_floor: bool,
    /// The bound of an advice.
    pub advice: Option<Level>,
    /// The bound of a warning.
    pub warning: Option<Level>,
    /// The bound of a critical issue.
    pub critical: Option<Level>,
    measure: Measure,
    show: Option<fn(&Facts) -> Option<String>>,
}

/// How a rule comes to its value.
#[derive(Clone)]
enum Measure {
    Plain(fn(&Facts) -> Option<f64>),
    Own(Arc<OwnMeasure>),
}

type OwnMeasure = dyn Fn(&Facts) -> Option<f64> + Send + Sync;

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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share of one.
    Ratio,
    /// Bytes.
    Bytes,
    /// Things, or so many times as much.
    Count,
    /// Yes is one, no is zero.
    Truth,
}

impl Rule {
    /// A rule without bounds and without a measure: it is never broken.
    #[must_use]
    pub const fn new(
        name: &'static str,
        fact: &'static str,
        problem: &'static str,
        remedy: &'static str,
    ) -> Self {
        Self {
            name,
            fact,
            problem,
            remedy,
            command: "",
            needs: "an answer to INFO (+info)",
            unit: Unit::Truth,
            is_floor: false,
            advice: None,
            warning: None,
            critical: None,
            measure: Measure::Plain(|_| None),
            show: None,
        }
    }

    /// Says what the value counts. Defaults to a truth, broken when it is one.
    #[must_use]
    pub const fn in_unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Takes values below the bounds as broken, rather than those above.
    #[must_use]
    pub const fn from_below(mut self) -> Self {
        self.is_floor = true;
        self
    }

    /// Advises when the value is beyond the bound, which takes so much off the score and leaves the status.
    #[must_use]
    pub const fn advises_beyond(mut self, threshold: f64, weight: u8) -> Self {
        self.advice = Some(Level { threshold, weight });
        self
    }

    /// Warns when the value is beyond the bound, which takes so much off the score.
    #[must_use]
    pub const fn warns_beyond(mut self, threshold: f64, weight: u8) -> Self {
        self.warning = Some(Level { threshold, weight });
        self
    }

    /// Is critical when the value is beyond the bound, which takes so much off the score.
    #[must_use]
    pub const fn critical_beyond(mut self, threshold: f64, weight: u8) -> Self {
        self.critical = Some(Level { threshold, weight });
        self
    }

    /// Names a command that does what the remedy says, or shows where to look. Defaults to none.
    #[must_use]
    pub const fn by_command(mut self, command: &'static str) -> Self {
        self.command = command;
        self
    }

    /// Says what it takes to measure the fact. Defaults to an answer to `INFO`.
    #[must_use]
    pub const fn needing(mut self, needs: &'static str) -> Self {
        self.needs = needs;
        self
    }

    /// Takes its value from here; none is no reason to complain.
    ///
    /// It is asked at each look, a second apart at least, and must answer at once.
    #[must_use]
    pub fn measured_by(mut self, measure: impl Fn(&Facts) -> Option<f64> + Send + Sync + 'static) -> Self {
        self.measure = Measure::Own(Arc::new(measure));
        self
    }

    pub(super) const fn measures(mut self, measure: fn(&Facts) -> Option<f64>) -> Self {
        // A constant can drop nothing, and there is nothing to drop.
        mem::forget(mem::replace(&mut self.measure, Measure::Plain(measure)));
        self
    }

    /// Shows what was seen in words, where the value alone says little.
    pub(super) const fn shown(mut self, show: fn(&Facts) -> Option<String>) -> Self {
        self.show = Some(show);
        self
    }

    /// The value, where it can be seen.
    pub(super) fn measure(&self, facts: &Facts) -> Option<f64> {
        match &self.measure {
            Measure::Plain(measure) => measure(facts),
            Measure::Own(measure) => measure(facts),
        }
    }

    /// What was seen, for people.
    pub(super) fn evidence(&self, facts: &Facts) -> Option<String> {
        if let Some(shown) = self.show.and_then(|show| show(facts)) {
            return Some(shown);
        }
        let value = self.measure(facts)?;
        (self.unit != Unit::Truth).then(|| self.unit.show(value))
    }

    /// The worst that the rule finds wrong with any of these servers.
    pub(super) fn worst(&self, servers: &[Facts]) -> Option<Issue> {
        let issues = servers.iter().filter_map(|facts| self.judge(facts));
        issues.max_by_key(|issue| (issue.severity, issue.weight))
    }

    /// A rule that the facts break when they are so.
    pub(super) fn judge(&self, facts: &Facts) -> Option<Issue> {
        let value = self.measure(facts)?;
        let is_broken = |level: &Level| {
            if self.is_floor { value < level.threshold } else { value > level.threshold }
        };
        let set = facts.threshold_of(self.name);
        let configured = |level: Level| Level { threshold: set.unwrap_or(level.threshold), ..level };
        let (severity, Level { threshold, weight }) = [
            (Severity::Critical, self.critical),
            (Severity::Warning, self.warning.map(configured)),
            (Severity::Advice, self.advice),
        ]
        .into_iter()
        .find_map(|(severity, level)| Some((severity, level.filter(is_broken)?)))?;
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
            .field("advice", &self.advice)
            .field("warning", &self.warning)
            .field("critical", &self.critical)
            .finish_non_exhaustive()
    }
}

impl Unit {
    /// A value with its unit, for people.
    pub(crate) fn show(self, value: f64) -> String {
        const DAY: f64 = 86_400.0;
        const MEBIBYTE: f64 = 1_048_576.0;
        match self {
            Self::Seconds if value > 0.0 && value < 1.0 => format!("{:.1} ms", value * 1_000.0),
            Self::Seconds if value >= 2.0 * DAY => format!("{:.1} days", value / DAY),
            Self::Seconds => format!("{value:.1} s"),
            Self::Ratio => format!("{:.1} %", value * 100.0),
            Self::Bytes if value >= MEBIBYTE => format!("{:.1} MiB", value / MEBIBYTE),
            Self::Bytes => format!("{value:.0} bytes"),
            Self::Count if value.fract() == 0.0 => format!("{value:.0}"),
            Self::Count | Self::Truth => format!("{value:.1}"),
        }
    }
}
