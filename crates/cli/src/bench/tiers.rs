//! Each tier and each kind of call by itself.

use std::{sync::Arc, time::Duration};

use redstart_connection::Config;
use serde::Serialize;

use super::closed::closed;
use crate::{
    Console, Failure,
    load::{Choice, Sizes, Spread, Step, StoreWork, Work as _},
};

/// Few enough that the memory of the process holds them all.
const KEYS: u64 = 256;
const VALUE: usize = 300;
/// How many callers ask at once for the throughput.
pub(super) const TOGETHER: u64 = 64;

/// Each tier and each kind of call by itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tiers {
    /// One row for each.
    pub rows: Vec<Tier>,
}

/// One kind of call.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Tier {
    /// What it is.
    pub name: &'static str,
    /// The times of one caller alone.
    pub alone: Spread,
    /// The mean time of one caller alone, in microseconds, also where a call takes less than one.
    pub mean_micros: f64,
    /// Calls a second of 64 callers together.
    pub together_per_second: f64,
    /// Calls that failed.
    pub failed: u64,
}

const ROWS: [(&str, Step); 7] = [
    ("memory hit", Step::Cache),
    ("store hit", Step::Get),
    ("ten store hits", Step::Mget),
    ("write", Step::Set),
    ("limit", Step::Limit),
    ("lock and release", Step::Lock),
    ("ping", Step::Ping),
];

pub(super) async fn measure(config: &Config, lasts: Duration, console: &Console) -> Result<Tiers, Failure> {
    let progress = console.progress(Some(2 * ROWS.len() as u64), "tiers");
    let mut rows = Vec::new();
    for (name, step) in ROWS {
        let store = StoreWork::store(config)?;
        let work = Arc::new(StoreWork::new(&store, &[(step, 1.0)], KEYS, Sizes::between(VALUE, VALUE)));
        Box::pin(work.fill(VALUE, |_| {})).await?;
        progress.say(format!("tiers: {name}, one caller"));
        // What is cached in the process is loaded before it is measured.
        for key in 0..KEYS {
            work.call(Choice::new(0, key, VALUE)).await;
        }
        // A limit that has refused once answers from the process, which is not what is to be measured.
        let next = if step == Step::Limit { another } else { again };
        let alone = closed(&work, 1, lasts, next).await;
        progress.at(2 * rows.len() as u64 + 1);
        progress.say(format!("tiers: {name}, {TOGETHER} callers"));
        let together = closed(&work, TOGETHER, lasts, next).await;
        rows.push(Tier {
            name,
            alone: alone.spread(),
            mean_micros: 1e6 / alone.per_second(),
            together_per_second: together.per_second(),
            failed: alone.failed + together.failed,
        });
        Box::pin(work.clean_up(config)).await?;
    }
    Ok(Tiers { rows })
}

/// One of the few keys, again and again.
const fn again(caller: u64, call: u64) -> Choice {
    Choice::new(0, (caller * 7_919 + call) % KEYS, VALUE)
}

/// A key that nobody else has.
const fn another(caller: u64, call: u64) -> Choice {
    Choice::new(0, (caller << 40) + call, VALUE)
}
