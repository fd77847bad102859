//! What no metric tells, and somebody vouches for.

use serde::Deserialize;

use super::{GateRow, Verdict};

/// A criterion that somebody vouches for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Attested {
    /// Identifies it.
    pub name: String,
    /// What is asked.
    pub question: String,
    /// Whether it holds.
    pub holds: bool,
    /// Who says so.
    pub by: String,
    /// Where the proof can be seen.
    pub evidence: String,
}

impl Attested {
    /// Nobody's word, or a word without proof, is none.
    pub(super) fn judge(&self) -> GateRow {
        let Self { name, question, holds, by, evidence } = self;
        let (verdict, evidence) = match (holds, by.trim(), evidence.trim()) {
            (true, "", _) => (Verdict::NoEvidence, "nobody vouches for it".to_owned()),
            (true, by, "") => (Verdict::NoEvidence, format!("{by} gives no evidence")),
            (true, by, evidence) => (Verdict::Go, format!("{by}: {evidence}")),
            (false, ..) => (Verdict::NoGo, "not attested".to_owned()),
        };
        GateRow {
            name: name.clone(),
            question: question.clone(),
            verdict,
            bound: "attested".to_owned(),
            evidence,
        }
    }
}
