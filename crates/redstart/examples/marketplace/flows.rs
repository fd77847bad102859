//! Flows: what a user does in several steps, over several requests, before it counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::database::RecordId;

/// A kind of flow, and its steps in their order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Upload,
    Onboarding,
    Payment,
    Verification,
}

/// How far somebody is in a flow.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Flow {
    pub(crate) user: RecordId,
    /// What each step has brought.
    pub(crate) done: BTreeMap<String, Value>,
}

impl Kind {
    /// What the database calls it when it is finished.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Onboarding => "onboarding",
            Self::Payment => "payment",
            Self::Verification => "verification",
        }
    }

    /// The steps, in their order.
    pub(crate) const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Upload => &["file", "content"],
            Self::Onboarding => &["profile", "brand", "consent"],
            Self::Payment => &["amount", "method"],
            Self::Verification => &["address", "code"],
        }
    }
}

impl Flow {
    /// A flow that has just begun.
    pub(crate) const fn new(user: RecordId) -> Self {
        Self { user, done: BTreeMap::new() }
    }

    /// The next step that is to be done; none when all are.
    pub(crate) fn next(&self, kind: Kind) -> Option<&'static str> {
        kind.steps().iter().copied().find(|step| !self.done.contains_key(*step))
    }

    /// Whether a step may be done now: it is the next one, or one that is corrected.
    pub(crate) fn may_do(&self, kind: Kind, step: &str) -> bool {
        self.done.contains_key(step) || self.next(kind) == Some(step)
    }
}
