//! What a drill found.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    fault::Fault,
    judge::{Criterion, Held},
};
use crate::{Console, Table};

/// What a drill found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Drill {
    /// Whether everything held.
    pub go: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Each fault.
    pub ordeals: Vec<Ordeal>,
}

/// One fault and what came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ordeal {
    /// What was done.
    pub fault: Fault,
    /// To whom.
    pub on: String,
    /// When it was done, in milliseconds since the clients began.
    pub struck_ms: u64,
    /// When it was taken away.
    pub healed_ms: u64,
    /// When the clients ended.
    pub ended_ms: u64,
    /// What each kind of work saw.
    pub seen: Vec<Seen>,
    /// What was promised, counted.
    pub held: Held,
    /// What must hold.
    pub criteria: Vec<Criterion>,
    /// Whether all of it did.
    pub go: bool,
}

/// What one kind of work saw.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Seen {
    /// Which.
    pub work: &'static str,
    /// How many calls it made.
    pub calls: usize,
    /// How many were answered without the server.
    pub fallbacks: usize,
    /// How many were not answered, by the kind of error.
    pub errors: BTreeMap<&'static str, usize>,
    /// The longest call, in milliseconds.
    pub longest_ms: f64,
    /// The time within which 99 of 100 calls ended before the fault.
    pub p99_before_ms: Option<f64>,
    /// The same while the fault was there.
    pub p99_during_ms: Option<f64>,
    /// When the server answered well again, since the fault or since it was taken away; none if it did not.
    pub recovered_ms: Option<f64>,
}

impl Drill {
    pub(super) fn of(ordeals: Vec<Ordeal>) -> Self {
        let mut reasons = Vec::new();
        for Ordeal { fault, on, criteria, .. } in &ordeals {
            for Criterion { name, evidence, .. } in criteria.iter().filter(|criterion| !criterion.holds) {
                reasons.push(format!("{fault} on {on}: not “{name}”: {evidence}"));
            }
        }
        Self { go: reasons.is_empty(), reasons, ordeals }
    }
}

pub(super) fn show(console: &Console, drill: &Drill) {
    for ordeal in &drill.ordeals {
        show_ordeal(console, ordeal);
        console.line("");
    }
    if drill.go {
        console.line("\x1b[1;32mGO\x1b[0m: everything held.");
        return;
    }
    console.line("\x1b[1;31mNO-GO\x1b[0m:");
    for reason in &drill.reasons {
        console.line(&format!("  {reason}"));
    }
}

fn show_ordeal(console: &Console, ordeal: &Ordeal) {
    let Ordeal { fault, on, struck_ms, healed_ms, seen, criteria, .. } = ordeal;
    let lasted = (healed_ms - struck_ms) as f64 / 1e3;
    console.line(&format!("\x1b[1m{fault}\x1b[0m on {on}, for {lasted:.1} s"));
    let mut table = Table::new();
    table.row([
        "  work",
        "calls",
        "without the server",
        "failed",
        "p99 before",
        "p99 during",
        "longest",
        "well again",
    ]);
    for seen in seen {
        let ms = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.1} ms"));
        let errors = seen.errors.iter().map(|(kind, count)| format!("{count} {kind}"));
        let errors = errors.collect::<Vec<_>>().join(", ");
        table.row([
            format!("  {}", seen.work),
            seen.calls.to_string(),
            seen.fallbacks.to_string(),
            if errors.is_empty() { "0".to_owned() } else { errors },
            ms(seen.p99_before_ms),
            ms(seen.p99_during_ms),
            ms(Some(seen.longest_ms)),
            seen.recovered_ms.map_or_else(|| "never".to_owned(), |ms| format!("{:.1} s", ms / 1e3)),
        ]);
    }
    console.line(&table.to_string());
    for Criterion { name, holds, evidence, advice } in criteria {
        let mark = if *holds { "\x1b[32m✓\x1b[0m" } else { "\x1b[31m✗\x1b[0m" };
        console.line(&format!("  {mark} {name}: {evidence}"));
        if let Some(advice) = advice.filter(|_| !holds) {
            console.line(&format!("      → {advice}"));
        }
    }
}
