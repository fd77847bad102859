//! The answer of the gate.

use std::fmt;

use serde::Serialize;

/// The answer of the gate, criterion by criterion.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GateReport {
    /// One row for each criterion.
    pub rows: Vec<GateRow>,
}

/// The answer to one criterion.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateRow {
    /// The name of the criterion.
    pub name: String,
    /// What was asked.
    pub question: String,
    /// The answer.
    pub verdict: Verdict,
    /// The bound in words.
    pub bound: String,
    /// What it is judged from.
    pub evidence: String,
}

/// Whether a criterion holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "callers map it to an exit code; only the first lets a release go on"
)]
pub enum Verdict {
    /// It held for the whole time.
    Go,
    /// It was broken.
    NoGo,
    /// It holds so far, but was not watched for long enough.
    TooShort,
    /// Nothing says whether it holds.
    NoEvidence,
}

impl GateReport {
    /// Whether every criterion holds; without any there is nothing to go on.
    #[must_use]
    pub fn is_go(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.verdict == Verdict::Go)
    }
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::NoGo => "NO-GO",
            Self::TooShort => "TOO SHORT",
            Self::NoEvidence => "NO EVIDENCE",
        }
    }
}

/// A table for people.
impl fmt::Display for GateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&GateRow) -> usize| self.rows.iter().map(column).max().unwrap_or_default();
        let (name, bound) = (width(|row| row.name.chars().count()), width(|row| row.bound.chars().count()));
        for row in &self.rows {
            let verdict = row.verdict.name();
            writeln!(f, "{:<name$}  {verdict:<11}  {:<bound$}  {}", row.name, row.bound, row.evidence)?;
        }
        let broken = self.rows.iter().filter(|row| row.verdict != Verdict::Go).count();
        match (self.is_go(), broken) {
            (true, _) => write!(f, "\nGO: all {} criteria hold", self.rows.len()),
            (false, 0) => f.write_str("\nNO-GO: there are no criteria"),
            (false, broken) => write!(f, "\nNO-GO: {broken} of {} criteria don't hold", self.rows.len()),
        }
    }
}
