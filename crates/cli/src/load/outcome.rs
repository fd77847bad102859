//! What came of a load: the document that is kept and compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{generator::Generator, spread::Spread, stage::Stage, threshold::Judgement};

/// What came of a load.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Outcome {
    /// The form of this document.
    pub schema_version: u32,
    /// What was done.
    pub scenario: Setting,
    /// What it was done to, without secrets.
    pub target: String,
    /// When it began, as RFC 3339 has it.
    pub started_at: String,
    /// How long it took, in seconds, until the last answer.
    pub seconds: f64,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// What was planned and what became of it.
    pub starts: Starts,
    /// Answers a second, on the average.
    pub answered_per_second: f64,
    /// From the intended start to the answer.
    pub response: Spread,
    /// From the real start to the answer.
    pub service: Spread,
    /// From the intended start to the real one: what the generator added.
    pub lateness: Spread,
    /// The share of reads that found something; none where nothing told.
    pub hit_rate: Option<f64>,
    /// Calls that a limit refused.
    pub limited: u64,
    /// Failures by their class.
    pub failures: BTreeMap<String, Failure>,
    /// The steps of the mix, each by itself.
    pub steps: Vec<StepOutcome>,
    /// Memory of the server and of this process.
    pub memory: Memory,
    /// Connections and permits.
    pub pool: Pool,
    /// Keys that the server threw out meanwhile; none when it did not say.
    pub evicted: Option<u64>,
    /// Whether the generator kept up, and so whether the times can be trusted.
    pub generator: Generator,
    /// Second by second; a rest of less than a quarter of one is left out.
    pub timeline: Vec<Second>,
    /// What had to hold.
    pub thresholds: Vec<Judgement>,
}

/// The form of the document; another number means another form.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// What was done.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Setting {
    /// The name of the scenario.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The rates.
    pub stages: Vec<Stage>,
    /// How many keys there were, and by which exponent of Zipf's law they were chosen.
    pub keys: u64,
    /// That exponent.
    pub zipf: f64,
    /// The sizes of values.
    pub value_size: String,
}

/// What was planned and what became of it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Starts {
    /// Calls that should have started.
    pub planned: u64,
    /// Calls that did.
    pub made: u64,
    /// Calls that did not: too many were under way, or the generator was too late.
    pub dropped: u64,
    /// Calls that were still under way when nobody waited any longer.
    pub unanswered: u64,
}

/// Failures of one class.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Failure {
    /// How many.
    pub count: u64,
    /// What the first said.
    pub example: String,
}

/// One step of the mix.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StepOutcome {
    /// Its name.
    pub name: String,
    /// Calls that failed.
    pub failed: u64,
    /// From the intended start to the answer.
    pub response: Spread,
}

/// Memory of the server and of this process.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Memory {
    /// What the server uses; of a cluster all together. None when it did not say.
    pub server: Option<Use>,
    /// What this process has in memory; none where the system does not say.
    pub client: Option<Use>,
}

/// Bytes in use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Use {
    /// Before the load.
    pub before: u64,
    /// The most that was seen.
    pub peak: u64,
    /// After it.
    pub after: u64,
}

/// Connections and permits.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Pool {
    /// The largest share of the connections' capacity that was seen in use; none without a store.
    pub utilization: Option<f64>,
    /// How often there was no connection or permit for a call, or it had to wait for one.
    pub exhausted: u64,
}

/// One second of a load.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Second {
    /// Its end, in seconds since the beginning.
    pub at: f64,
    /// How long it was; the last one is shorter.
    pub seconds: f64,
    /// Calls a second that should have started.
    pub planned: f64,
    /// Calls a second that were answered.
    pub answered: f64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that a limit refused.
    pub limited: u64,
    /// Starts that were not made.
    pub dropped: u64,
    /// Calls under way at its end.
    pub in_flight: u64,
    /// From the intended start to the answer, of those that ended in it.
    pub response: Spread,
    /// What the generator added, at its 99th place in a hundred.
    pub lateness_p99_ms: f64,
    /// The share of reads that found something.
    pub hit_rate: Option<f64>,
    /// Bytes that the server uses.
    pub server_bytes: Option<u64>,
    /// Bytes that this process has in memory.
    pub client_bytes: Option<u64>,
}

impl Outcome {
    /// How many calls failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|failure| failure.count).sum()
    }

    /// The share of answers that are failures; none without any answer.
    #[must_use]
    pub fn error_rate(&self) -> Option<f64> {
        let ended = self.response.count;
        (ended > 0).then(|| self.failed() as f64 / ended as f64)
    }

    /// Whether everything holds that had to.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.thresholds.iter().all(|judgement| judgement.holds)
    }
}

impl Starts {
    /// The share of the planned starts that were made; none when nothing was planned.
    #[must_use]
    pub fn held(&self) -> Option<f64> {
        (self.planned > 0).then(|| self.made as f64 / self.planned as f64)
    }
}

impl Use {
    /// What it grew by, in bytes; zero when it shrank.
    #[must_use]
    pub fn growth(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64
    }
}
