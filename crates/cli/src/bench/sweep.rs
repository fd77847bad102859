//! Reads by more and more callers at once: where more of them bring no more.

use std::{sync::Arc, time::Duration};

use redstart_connection::Config;
use serde::Serialize;

use super::closed::closed;
use crate::{
    Console, Failure,
    load::{Choice, Sizes, Spread, Step, StoreWork},
};

const KEYS: u64 = 1_000;
const VALUE: usize = 300;
const CALLERS: [u64; 6] = [1, 4, 16, 64, 256, 1024];
/// So many callers are enough whose throughput is this share of the best.
const ENOUGH: f64 = 0.9;

/// Reads by more and more callers at once.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Swept {
    /// One row for each number of callers.
    pub rows: Vec<SweptRow>,
    /// The least number of callers that brings nine tenths of the best throughput.
    pub enough: u64,
    /// The best throughput.
    pub best_per_second: f64,
}

/// Reads by so many callers at once.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SweptRow {
    /// How many.
    pub callers: u64,
    /// Reads a second of all together.
    pub per_second: f64,
    /// The times of a read.
    pub times: Spread,
    /// Reads that failed.
    pub failed: u64,
}

pub(super) async fn measure(config: &Config, lasts: Duration, console: &Console) -> Result<Swept, Failure> {
    let store = StoreWork::store(config)?;
    let work = Arc::new(StoreWork::new(&store, &[(Step::Get, 1.0)], KEYS, Sizes::between(VALUE, VALUE)));
    let progress = console.progress(Some(CALLERS.len() as u64), "concurrency");
    Box::pin(work.fill(VALUE, |_| {})).await?;
    let mut rows = Vec::new();
    for callers in CALLERS {
        progress.say(format!("concurrency: {callers} callers"));
        let next = |caller: u64, call: u64| Choice::new(0, (caller * 7_919 + call) % KEYS, VALUE);
        let swept = closed(&work, callers, lasts, next).await;
        rows.push(SweptRow {
            callers,
            per_second: swept.per_second(),
            times: swept.spread(),
            failed: swept.failed,
        });
        progress.at(rows.len() as u64);
    }
    Box::pin(work.clean_up(config)).await?;
    let best_per_second = rows.iter().map(|row| row.per_second).fold(0.0, f64::max);
    let enough = rows.iter().find(|row| ENOUGH * best_per_second <= row.per_second);
    Ok(Swept { enough: enough.map_or(1, |row| row.callers), best_per_second, rows })
}
