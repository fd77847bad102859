//! An examination: every rule held against everything that can be seen from here.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{
    Check, Engine, Exposure, Facts, Health, Inspection, NodeFacts, Reach, Rfc3339, Role, Rule, ServerInfo,
    Topic, durations,
    health::{CheckVerdict, by_topic},
};

/// Every rule held against everything that can be seen from here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Examination {
    /// The judgement by all rules.
    pub health: Health,
    /// The servers that were looked at, in the order of their slots.
    pub servers: Vec<ServerLine>,
    /// What came of each rule, in the order of the topics.
    pub checks: Vec<Check>,
    /// Why there is no answer, or no `INFO`.
    ///
    /// It may name hosts, so it is for operators and not for the public.
    pub cause: Option<String>,
}

/// A server in a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerLine {
    /// Where it is in a cluster; empty where there is one server.
    pub address: String,
    /// The program.
    pub engine: Engine,
    /// Its version.
    pub version: String,
    /// Primary or replica.
    pub role: Role,
    /// Replicas attached to it.
    pub replicas: u64,
    /// How long it has been running.
    #[serde(rename = "uptimeSeconds", serialize_with = "durations::seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub uptime: Duration,
}

/// What was asked and tried beside a look.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Examined {
    /// What the server told.
    pub inspection: Inspection,
    /// What a stranger could do.
    pub exposure: Exposure,
}

impl Examination {
    /// Judges the facts by all rules, and by those that a service has added.
    pub(crate) fn judge(mut facts: Facts, own: &[Rule]) -> Self {
        if facts.examined.as_ref().is_some_and(|examined| examined.exposure.local) {
            facts.is_local = true;
        }
        let topics = by_topic().into_iter().chain([(Topic::Service, own)]);
        let rules = topics.flat_map(|(topic, rules)| rules.iter().map(move |rule| (topic, rule)));
        let seen = facts.by_server();
        let checks = rules.clone().map(|(topic, rule)| Check::of(topic, rule, &seen)).collect();
        let health = Health::judge_by(rules.map(|(_, rule)| rule), &facts, Rfc3339::from(facts.now));
        Self { health, servers: facts.servers(), checks, cause: facts.cause }
    }

    /// Whether something needs attention: a warning, or worse.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        let is_finding =
            |check: &Check| matches!(check.verdict, CheckVerdict::Warning | CheckVerdict::Critical);
        self.checks.iter().any(is_finding)
    }

    /// Whether the server answered.
    #[must_use]
    pub const fn is_reachable(&self) -> bool {
        self.health.reachable
    }
}

impl Facts {
    /// The servers that were looked at, in the order of their slots; none without an answer.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerLine> {
        if self.reach == Reach::Silent {
            return Vec::new();
        }
        if self.nodes.is_empty() {
            return self.server.iter().map(|info| ServerLine::of(String::new(), info)).collect();
        }
        let of = |node: &NodeFacts| Some(ServerLine::of(node.address.clone(), node.server.as_ref()?));
        self.nodes.iter().filter_map(of).collect()
    }
}

impl fmt::Display for ServerLine {
    /// Writes it as `Redis 7.0.15, primary with 2 replicas, up 3days 4h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, engine, version, role, replicas, uptime } = self;
        if !address.is_empty() {
            write!(f, "{address} ")?;
        }
        match engine {
            Engine::Redis => write!(f, "Redis {version}")?,
            Engine::Valkey => write!(f, "Valkey {version}")?,
            Engine::Embedded => return write!(f, "embedded {version}"),
            Engine::Unknown => write!(f, "a server that does not tell its version")?,
        }
        match (role, replicas) {
            (Role::Primary, 0) => write!(f, ", primary")?,
            (Role::Primary, 1) => write!(f, ", primary with 1 replica")?,
            (Role::Primary, replicas) => write!(f, ", primary with {replicas} replicas")?,
            (Role::Replica, _) => write!(f, ", replica")?,
            (Role::Unknown, _) => {}
        }
        write!(f, ", up {}", durations::Coarse(*uptime))
    }
}

impl ServerLine {
    fn of(address: String, info: &ServerInfo) -> Self {
        Self {
            address,
            engine: info.server.engine,
            version: info.server.version.clone(),
            role: info.replication.role,
            replicas: info.replication.replicas,
            uptime: info.server.uptime,
        }
    }
}
