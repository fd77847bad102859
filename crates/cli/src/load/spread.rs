//! Times put together: how they are spread.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// How times are spread, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// Half of them are at most this.
    pub p50_ms: f64,
    /// 90 in a hundred are at most this.
    pub p90_ms: f64,
    /// 95 in a hundred are at most this.
    pub p95_ms: f64,
    /// 99 in a hundred are at most this.
    pub p99_ms: f64,
    /// 999 in a thousand are at most this.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Spread {
    pub(crate) fn of(times: &Histogram<u64>) -> Self {
        let at = |share| milliseconds(times.value_at_quantile(share) as f64);
        Self {
            count: times.len(),
            mean_ms: milliseconds(times.mean()),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(times.max() as f64),
        }
    }
}

/// Microseconds as milliseconds, with three digits behind the point.
fn milliseconds(micros: f64) -> f64 {
    micros.round() / 1_000.0
}
