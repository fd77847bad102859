//! What is wrong, and what took the time.

use redstart_monitor::{Broken, CommandLatency, Issue, Severity};
use serde::{Deserialize, Serialize};

/// Something that is wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Finding {
    /// The rule or the alert that says so.
    pub rule: String,
    /// How much it matters.
    pub severity: Weight,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Weight {
    /// Look into it when there is time.
    Advice,
    /// Look into it today.
    Warning,
    /// Look into it now.
    Critical,
}

/// How long the server took over one command.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CommandRow {
    /// Its name.
    pub command: String,
    /// How many calls.
    pub calls: u64,
    /// Half of them took at most so long, in milliseconds.
    pub p50_ms: f64,
    /// 99 in a hundred took at most so long, in milliseconds.
    pub p99_ms: f64,
}

impl Finding {
    pub(super) fn is_critical(&self) -> bool {
        self.severity == Weight::Critical
    }

    /// The severity as the monitor knows it.
    pub(super) const fn as_severity(&self) -> Severity {
        match self.severity {
            Weight::Advice => Severity::Advice,
            Weight::Warning => Severity::Warning,
            Weight::Critical => Severity::Critical,
        }
    }
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Advice => Self::Advice,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl From<&Issue> for Finding {
    fn from(issue: &Issue) -> Self {
        Self {
            rule: issue.rule.to_owned(),
            severity: issue.severity.into(),
            message: issue.message.clone(),
            remedy: issue.remedy.to_owned(),
        }
    }
}

impl From<&Broken> for Finding {
    fn from(broken: &Broken) -> Self {
        Self {
            rule: broken.alert.name.clone(),
            severity: broken.severity.into(),
            message: broken.to_string(),
            remedy: broken.alert.remedy.clone(),
        }
    }
}

impl From<&CommandLatency> for CommandRow {
    fn from(latency: &CommandLatency) -> Self {
        Self {
            command: latency.command.clone(),
            calls: latency.calls,
            p50_ms: latency.p50.as_secs_f64() * 1_000.0,
            p99_ms: latency.p99.as_secs_f64() * 1_000.0,
        }
    }
}
