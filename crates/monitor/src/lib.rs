//! What is wrong with Redis, how bad it is, and what to do about it.
//!
//! A [`Monitor`] looks at the store from three sides: what the connection knows of itself, how long a
//! `PING` takes, and what `INFO` says.
//! From these [`Facts`] the [rules](rules()) derive a [`Health`]: a status, a score, a grade, and for
//! each deduction the reason and the remedy.
//! Looking never fails: a server that does not answer is a fact like any other.
//!
//! ```
//! use redstart_connection::Store;
//! use redstart_monitor::{Grade, HealthStatus, Monitor};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let health = Monitor::new(Store::memory()).health().await;
//! assert_eq!((health.status, health.score, health.grade), (HealthStatus::Healthy, 100, Grade::A));
//! # }
//! ```
//!
//! [`METRICS`] lists every metric of the toolkit; [`describe`] registers the descriptions with
//! whatever recorder the service has installed.
//! With the feature `prometheus`, `Exposition` installs one and renders the text for `/metrics`.
//!
//! [`Alerts`] judge that text by an [`AlertTable`], and tell whoever should know; the same table is written
//! as rules for Prometheus by [`alert_rules`] and drawn into a [`dashboard()`] for Grafana.
//! With the feature `webhook` they tell a chat or a program behind HTTP, and with `gate` the metrics of
//! instances, or of a Prometheus, say whether a release may go on.

mod alerts;
mod census;
mod chart;
#[cfg(feature = "client")]
mod client;
mod dashboard;
mod durations;
mod examination;
#[cfg(feature = "prometheus")]
mod exposition;
mod exposure;
mod facts;
mod finder;
#[cfg(feature = "gate")]
mod gate;
mod health;
mod info;
mod inspect;
mod inspection;
mod metrics_table;
mod monitor;
mod query;
#[cfg(feature = "client")]
mod reading;
mod recorded;
mod rfc3339;
mod ring;
mod sampled;
mod scrape;
mod text;
mod told;
#[cfg(feature = "webhook")]
mod webhook;
mod window;

#[cfg(feature = "client")]
pub use crate::client::{HttpFailure, HttpReply, HttpRequest, HttpTarget};
#[cfg(feature = "prometheus")]
pub use crate::exposition::{Exposition, InstallError};
#[cfg(feature = "gate")]
pub use crate::gate::{
    Attested, Criteria, Criterion, Evidence, GateReport, GateRow, InvalidCriteria, InvalidEvidence, Verdict,
};
#[cfg(feature = "client")]
pub use crate::reading::{Broken, Reading};
#[cfg(feature = "webhook")]
pub use crate::webhook::{InvalidWebhook, Undelivered, Webhook};
pub use crate::{
    alerts::{
        Alert, AlertList, AlertPhase, AlertSettings, AlertState, AlertTable, Alerts, Bound, Notice,
        NoticeStatus, SilenceState, UnknownAlert, alert_rules, alerts_to_markdown,
    },
    census::{
        CategoryCount, Census, CensusPage, CensusPlan, CensusProgress, CensusRound, CountedKey, HotKey,
        SizedKey, Walked,
    },
    chart::{UPLOT_CSS, UPLOT_JS},
    dashboard::dashboard,
    examination::{Examination, Examined, ServerLine},
    exposure::{Admission, AskCommands, AskUsers, Exposure, Reachable, UserRules},
    facts::{Facts, NodeFacts, Reach},
    health::{
        Check, CheckVerdict, Grade, Health, HealthStatus, Issue, Level, Rule, Severity, Topic, Unit, rules,
        rules_to_markdown,
    },
    info::{
        Clients, Cpu, Database, Engine, ErrorCount, MemoryUse, Mode, Persistence, Replication, Role, Server,
        ServerInfo, Stats,
    },
    inspect::{
        Ask, AskClients, AskCluster, AskDefaultUser, AskLatency, AskMemory, AskSettings, CategoryShare,
        ClientGroup, ClientList, ClusterState, CommandLatency, DefaultUser, FetchInfo, FetchNodes,
        FetchSlowLog, Histograms, KeySample, MemoryStats, NodeInfo, Ping, Question, SampledKey, ScanKeys,
        ScanPage, ServerClock, ServerLatency, SlowCall, WhoAmI,
    },
    inspection::Inspection,
    metrics_table::{METRICS, Metric, MetricKind, MetricUnit, Origin, describe, to_markdown},
    monitor::Monitor,
    query::{Query, Selector},
    recorded::ClientWindow,
    rfc3339::Rfc3339,
    told::Told,
    window::Window,
};
