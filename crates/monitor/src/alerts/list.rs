//! The alerts as they stand, for those who look.

use serde::Serialize;

use crate::{Rfc3339, Severity, Unit};

/// The alerts that are pending, fire, or were over lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertList {
    /// When they were judged last; the epoch before the first time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub checked_at: Rfc3339,
    /// Those that fire, then those that are pending, then those that are over, the latest first.
    pub alerts: Vec<AlertState>,
    /// What nobody is told of for now.
    pub silences: Vec<SilenceState>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertState {
    /// The name of the alert.
    pub alert: String,
    /// Where it stands.
    pub phase: AlertPhase,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The last answer; none when there is none any more.
    pub value: Option<f64>,
    /// The bound.
    pub threshold: f64,
    /// What both count.
    pub unit: Unit,
    /// What to do.
    pub remedy: String,
    /// Since when it is wrong.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Rfc3339,
    /// When it was over.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub resolved_at: Option<Rfc3339>,
    /// How often somebody was told that it fires.
    pub told: u32,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth phase")]
pub enum AlertPhase {
    /// It is wrong for long enough.
    Firing,
    /// It is wrong, but not yet for long enough.
    Pending,
    /// It is over.
    Resolved,
}

/// An alert that nobody is told of for now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SilenceState {
    /// The name of the alert.
    pub alert: String,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Rfc3339,
    /// Why.
    pub reason: String,
}
