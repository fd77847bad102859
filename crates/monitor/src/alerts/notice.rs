//! What is told when an alert fires or is over.

use serde::Serialize;

use crate::{Rfc3339, Severity, Unit};

/// The message that an alert fires, still fires, or is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Notice {
    /// The same for every attempt to deliver it, and for no other message.
    pub id: String,
    /// Whether it fires or is over.
    pub status: NoticeStatus,
    /// How often it was told before that this alert fires.
    pub repeats: u32,
    /// The name of the alert.
    pub alert: String,
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
    /// Who tells it.
    pub source: String,
    /// Since when it is wrong.
    pub since: Rfc3339,
    /// When it was told.
    pub at: Rfc3339,
}

impl Notice {
    /// The message that something is wrong at a moment, for programs that look once and do not watch.
    ///
    /// Its id is made of who tells it, of what, and when, so that a repetition can be told from another.
    #[must_use]
    pub fn once(
        alert: &str,
        severity: Severity,
        message: &str,
        remedy: &str,
        source: &str,
        at: Rfc3339,
    ) -> Self {
        Self {
            id: format!("{source}-{alert}-{}", at.timestamp().as_micros()),
            status: NoticeStatus::Firing,
            repeats: 0,
            alert: alert.to_owned(),
            severity,
            message: message.to_owned(),
            value: None,
            threshold: 0.0,
            unit: Unit::Count,
            remedy: remedy.to_owned(),
            source: source.to_owned(),
            since: at,
            at,
        }
    }
}

/// Whether an alert fires or is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "receivers know these two")]
pub enum NoticeStatus {
    /// It fires.
    Firing,
    /// It is over.
    Resolved,
}
