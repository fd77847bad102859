//! A real-world mix at rising rates, as an open loop: the highest that is borne.

use std::{sync::Arc, time::Duration};

use redstart_connection::Config;
use serde::Serialize;

use crate::{
    Console, Failure,
    load::{Outcome, Scenario, Spread, Stage, StoreWork, Verdict, run_load},
};

/// Each twice the one before.
const RATES: [f64; 7] = [250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0];
/// What one call in a hundred may take for a rate to count as borne.
const BOUND_MS: f64 = 25.0;
/// What of the planned starts must be made.
const HELD: f64 = 0.99;

/// A real-world mix at rising rates.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Mixed {
    /// One row for each rate.
    pub rows: Vec<MixRow>,
    /// The highest rate that was borne; zero when none was.
    pub borne_per_second: f64,
    /// Why the next rate was not borne; none when the highest one was.
    pub end: Option<String>,
}

/// The mix at one rate.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MixRow {
    /// Starts a second.
    pub rate: f64,
    /// Answers a second.
    pub answered_per_second: f64,
    /// From the intended start to the answer.
    pub response: Spread,
    /// Calls that failed.
    pub failed: u64,
    /// Why it was not borne; none when it was.
    pub why_not: Option<String>,
}

pub(super) async fn measure(config: &Config, lasts: Duration, console: &Console) -> Result<Mixed, Failure> {
    let store = StoreWork::store(config)?;
    let scenario = Scenario::of(vec![Stage::steady(RATES[0], lasts)]);
    let (steps, keys) = (&scenario.mix.steps, scenario.keys.count);
    let work = Arc::new(StoreWork::new(&store, steps, keys, scenario.sizes));
    let progress = console.progress(Some(RATES.len() as u64), "real-world mix");
    Box::pin(work.fill(scenario.sizes.least, |_| {})).await?;
    let mut rows: Vec<MixRow> = Vec::new();
    for rate in RATES {
        progress.say(format!("real-world mix: {rate:.0}/s"));
        let scenario = scenario.clone().at_most(rate);
        let pending = std::future::pending();
        let loaded =
            Box::pin(run_load(&scenario, &work, Some(&store), store.describe(), pending, |_| {})).await;
        let outcome = loaded.map_err(|error| Failure::found(error.to_string()))?.outcome;
        rows.push(MixRow::of(rate, &outcome));
        progress.at(rows.len() as u64);
        if rows.last().is_some_and(|row| row.why_not.is_some()) {
            break;
        }
    }
    Box::pin(work.clean_up(config)).await?;
    let borne = rows.iter().filter(|row| row.why_not.is_none()).map(|row| row.rate).fold(0.0, f64::max);
    let end = rows.last().and_then(|row| row.why_not.as_ref().map(|why| format!("{:.0}/s: {why}", row.rate)));
    Ok(Mixed { rows, borne_per_second: borne, end })
}

impl MixRow {
    fn of(rate: f64, outcome: &Outcome) -> Self {
        Self {
            rate,
            answered_per_second: outcome.answered_per_second,
            response: outcome.response,
            failed: outcome.failed(),
            why_not: why_not(outcome),
        }
    }
}

/// Why a rate was not borne.
fn why_not(outcome: &Outcome) -> Option<String> {
    let held = outcome.starts.held().unwrap_or_default();
    if outcome.generator.verdict == Verdict::Bottleneck {
        return Some(format!("this machine can't ask for more: {}", outcome.generator.reason));
    }
    if held < HELD {
        return Some(format!("only {:.1} % of the starts could be made", held * 100.0));
    }
    if let Some((class, failure)) = outcome.failures.iter().next() {
        return Some(format!("{} calls failed, {class}: {}", outcome.failed(), failure.example));
    }
    let p99 = outcome.response.p99_ms;
    (BOUND_MS < p99).then(|| format!("one call in a hundred took {p99:.1} ms or more, above {BOUND_MS} ms"))
}
