//! What the doctor found.

use redstart_connection::{Config, Preset};
use redstart_monitor::Examination;
use serde::Serialize;

use crate::Exit;

/// What the doctor found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// The server, without secrets.
    pub address: String,
    /// What is tolerated, where that was said.
    pub environment: Option<&'static str>,
    /// What endangers secrets and data in the configuration itself.
    pub configuration: Vec<ConfigurationIssue>,
    /// What came of every rule.
    #[serde(flatten)]
    pub examination: Examination,
}

/// What a setting endangers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConfigurationIssue {
    /// The variable.
    pub variable: String,
    /// What is wrong with it.
    pub what: String,
    /// What would be right.
    pub right: String,
}

impl Report {
    pub(super) fn new(config: &Config, address: &str, examination: Examination) -> Self {
        let issue = |problem: &redstart_connection::Problem| ConfigurationIssue {
            variable: problem.variable().to_owned(),
            what: problem.what().to_owned(),
            right: problem.right().to_owned(),
        };
        Self {
            address: address.to_owned(),
            environment: config.preset().map(Preset::name),
            configuration: config.warnings().iter().map(issue).collect(),
            examination,
        }
    }

    /// Whether the configuration is one that production would not have.
    pub(super) fn is_refused(&self) -> bool {
        self.environment == Some(Preset::Production.name()) && !self.configuration.is_empty()
    }

    /// How a command ends that found this.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if !self.examination.is_reachable() {
            Exit::Unreachable
        } else if self.examination.has_findings() || self.is_refused() {
            Exit::Found
        } else {
            Exit::Fine
        }
    }
}
