//! A rule held against the facts, and what came of it: also where it is kept, and where nobody can see.

use serde::Serialize;

use super::{Issue, Rule, Severity};
use crate::{Facts, Reach};

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Check {
    /// What it is about.
    pub topic: Topic,
    /// The rule's name.
    pub rule: &'static str,
    /// Whether it is kept.
    pub verdict: CheckVerdict,
    /// The fact that it looks at, for people.
    pub fact: &'static str,
    /// What was seen; none where that is nothing but the verdict.
    pub evidence: Option<String>,
    /// What is wrong; none where the rule is kept, or can't be seen.
    pub issue: Option<Issue>,
    /// A command that mends it, or shows where to look; empty where there is none.
    pub command: &'static str,
    /// What it takes to see the fact, where it can't be seen from here.
    pub needs: Option<&'static str>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Topic {
    /// The way to the server.
    Connection,
    /// What the server says of itself.
    Server,
    /// The server's memory.
    Memory,
    /// What survives a crash.
    Persistence,
    /// Who could do what.
    Security,
    /// The keys.
    Keys,
    /// What this process has recorded of itself.
    Process,
    /// What a service has added.
    Service,
}

/// Whether a rule is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "whoever shows it must have a sign for each")]
pub enum CheckVerdict {
    /// It is kept.
    Passed,
    /// It is broken: look into it when there is time.
    Advice,
    /// It is broken: look into it today.
    Warning,
    /// It is broken: look into it now.
    Critical,
    /// It can't be seen from here.
    Unseen,
}

impl Check {
    /// Holds `rule` against the facts of each server; the worst counts.
    pub(crate) fn of(topic: Topic, rule: &Rule, servers: &[Facts]) -> Self {
        let issue = rule.worst(servers);
        let seen = servers.iter().find(|facts| match &issue {
            Some(issue) => rule.judge(facts).is_some_and(|found| found == *issue),
            None => rule.measure(facts).is_some(),
        });
        let verdict = match (&issue, seen) {
            (Some(issue), _) => issue.severity.into(),
            (None, Some(_)) => CheckVerdict::Passed,
            (None, None) => CheckVerdict::Unseen,
        };
        Self {
            topic,
            rule: rule.name,
            verdict,
            fact: rule.fact,
            evidence: seen.and_then(|facts| rule.evidence(facts)),
            issue,
            command: rule.command,
            needs: seen.is_none().then(|| needs(rule, servers)),
        }
    }
}

/// What it takes to see the fact of a rule that nobody has seen.
fn needs(rule: &Rule, servers: &[Facts]) -> &'static str {
    match servers.first() {
        Some(facts) if facts.status.mode == "memory" => "a server: everything is embedded in this process",
        Some(facts) if facts.reach == Reach::Silent => "a server that answers",
        _ => rule.needs,
    }
}

impl From<Severity> for CheckVerdict {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Advice => Self::Advice,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl Topic {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Memory => "memory",
            Self::Persistence => "persistence",
            Self::Security => "security",
            Self::Keys => "keys",
            Self::Process => "process",
            Self::Service => "service",
        }
    }
}
