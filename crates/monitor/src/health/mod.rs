//! The judgement: facts, rules, score.

mod check;
mod rule;
mod rules;

use std::time::Duration;

use serde::Serialize;

use crate::{Facts, Reach, Rfc3339, durations};
pub use check::{Check, CheckVerdict, Topic};
pub use rule::{Level, Rule, Unit};
pub(crate) use rules::by_topic;
pub use rules::{rules, rules_to_markdown};

/// How the store is doing, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Health {
    /// The judgement in one word.
    pub status: HealthStatus,
    /// 100 without any issue; each takes its weight off.
    pub score: u8,
    /// The score as a mark.
    pub grade: Grade,
    /// When the store was looked at.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub checked_at: Rfc3339,
    /// `memory`, or how Redis is reached.
    pub mode: &'static str,
    /// Whether the store answered and can serve.
    pub reachable: bool,
    /// How long a `PING` took; none without an answer.
    #[serde(rename = "latencyMs", serialize_with = "durations::optional_milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub latency: Option<Duration>,
    /// The share of reads that found their key lately; none before there are enough.
    pub hit_rate: Option<f64>,
    /// What is wrong, the worst first.
    pub issues: Vec<Issue>,
    /// What to do, in the order of the issues.
    pub recommendations: Vec<&'static str>,
}

/// The judgement in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "callers map it to a status code; there is no fourth answer")]
pub enum HealthStatus {
    /// Nothing is wrong, or nothing that needs attention now.
    Healthy,
    /// It serves, but something needs attention.
    Degraded,
    /// It does not serve, or too much is wrong at once.
    Unhealthy,
}

/// The score as a mark.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(clippy::exhaustive_enums, reason = "there are no other marks")]
pub enum Grade {
    /// 90 and more.
    A,
    /// 80 and more.
    B,
    /// 70 and more.
    C,
    /// 60 and more.
    D,
    /// Less than 60.
    F,
}

/// How much an issue matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "alerts know these three")]
pub enum Severity {
    /// Look into it when there is time; the store serves as it should.
    Advice,
    /// Look into it today.
    Warning,
    /// Look into it now.
    Critical,
}

/// One rule that the facts break.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Issue {
    /// The rule's name.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What was measured.
    pub value: f64,
    /// The bound that it broke.
    pub threshold: f64,
    /// What the value counts.
    pub unit: Unit,
    /// What it takes off the score.
    pub weight: u8,
    /// What to do.
    pub remedy: &'static str,
}

impl Health {
    /// Judges `facts` by the [rules](rules()).
    #[must_use]
    pub fn judge(facts: &Facts, checked_at: Rfc3339) -> Self {
        Self::judge_by(rules(), facts, checked_at)
    }

    /// Judges `facts` by these rules; of the servers of a cluster the worst counts.
    #[must_use]
    pub fn judge_by<'a>(
        rules: impl IntoIterator<Item = &'a Rule>,
        facts: &Facts,
        checked_at: Rfc3339,
    ) -> Self {
        let servers = facts.by_server();
        let mut issues: Vec<_> = rules.into_iter().filter_map(|rule| rule.worst(&servers)).collect();
        issues.sort_by_key(|issue| std::cmp::Reverse((issue.severity, issue.weight)));
        let score = issues.iter().fold(100_u8, |score, issue| score.saturating_sub(issue.weight));
        let grade = Grade::of(score);
        let mut recommendations: Vec<&'static str> = Vec::new();
        for issue in &issues {
            if !recommendations.contains(&issue.remedy) {
                recommendations.push(issue.remedy);
            }
        }
        Self {
            status: match (grade, issues.iter().all(|issue| issue.severity == Severity::Advice)) {
                (Grade::F, _) => HealthStatus::Unhealthy,
                (_, true) => HealthStatus::Healthy,
                (_, false) => HealthStatus::Degraded,
            },
            score,
            grade,
            checked_at,
            mode: facts.status.mode,
            reachable: facts.reach == Reach::Answered,
            latency: facts.latency,
            hit_rate: facts.window.as_ref().and_then(crate::Window::hit_rate),
            issues,
            recommendations,
        }
    }
}

impl Severity {
    /// The word for it, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Grade {
    /// The mark of a score from 0 to 100.
    #[must_use]
    pub const fn of(score: u8) -> Self {
        match score {
            90.. => Self::A,
            80.. => Self::B,
            70.. => Self::C,
            60.. => Self::D,
            _ => Self::F,
        }
    }
}

#[cfg(test)]
mod tests;
