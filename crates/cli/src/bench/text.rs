//! What a server bears, for people at a terminal.

use redstart_monitor::Grade;

use super::{Benchmark, Mixed, Phase, Pressed, Swept, Tiers, tiers::TOGETHER};
use crate::{
    Table,
    ink::{BOLD, END, GREEN, RED, YELLOW},
};

pub(super) fn page(benchmark: &Benchmark) -> String {
    let mut parts = vec![format!("{BOLD}bench{END} on {}", benchmark.target)];
    parts.extend(benchmark.tiers.as_ref().map(tiers));
    parts.extend(benchmark.sweep.as_ref().map(sweep));
    parts.extend(benchmark.mix.as_ref().map(mix));
    parts.extend(benchmark.memory.as_ref().map(memory));
    let mut table = Table::new();
    for graded in &benchmark.grades {
        table.row([format!("  {}", coloured(graded.grade)), graded.part.to_owned(), graded.reason.clone()]);
    }
    parts.push(table.to_string());
    if let Some(grade) = benchmark.grade {
        parts.push(format!("{BOLD}Grade{END} {}: {}", coloured(grade), benchmark.reason));
    }
    parts.join("\n\n")
}

fn coloured(grade: Grade) -> String {
    let colour = match grade {
        Grade::A | Grade::B => GREEN,
        Grade::C | Grade::D => YELLOW,
        Grade::F => RED,
    };
    format!("{colour}{grade:?}{END}")
}

fn tiers(tiers: &Tiers) -> String {
    let mut table = Table::new();
    table.row(["  tier", "mean µs", "p50 ms", "p99 ms", &format!("{TOGETHER} callers, /s"), "failed"]);
    for row in &tiers.rows {
        table.row([
            format!("  {}", row.name),
            format!("{:.1}", row.mean_micros),
            format!("{:.2}", row.alone.p50_ms),
            format!("{:.2}", row.alone.p99_ms),
            format!("{:.0}", row.together_per_second),
            row.failed.to_string(),
        ]);
    }
    table.to_string()
}

fn sweep(sweep: &Swept) -> String {
    let mut table = Table::new();
    table.row(["  callers", "reads/s", "p50 ms", "p99 ms", "failed"]);
    for row in &sweep.rows {
        table.row([
            format!("  {}", row.callers),
            format!("{:.0}", row.per_second),
            format!("{:.2}", row.times.p50_ms),
            format!("{:.2}", row.times.p99_ms),
            row.failed.to_string(),
        ]);
    }
    table.to_string()
}

fn mix(mix: &Mixed) -> String {
    let mut table = Table::new();
    table.row(["  rate", "answered/s", "p50 ms", "p99 ms", "failed", ""]);
    for row in &mix.rows {
        table.row([
            format!("  {:.0}/s", row.rate),
            format!("{:.0}", row.answered_per_second),
            format!("{:.2}", row.response.p50_ms),
            format!("{:.2}", row.response.p99_ms),
            row.failed.to_string(),
            row.why_not.clone().unwrap_or_else(|| "borne".to_owned()),
        ]);
    }
    table.to_string()
}

fn memory(memory: &Pressed) -> String {
    let mut table = Table::new();
    let limit = memory.limit / (1024 * 1024);
    table.row([
        &format!("  memory of {limit} MiB, {}", memory.policy),
        "writes/s",
        "p50 ms",
        "p99 ms",
        "failed",
    ]);
    let mut row = |name: &str, phase: &Phase| {
        table.row([
            format!("  {name}"),
            format!("{:.0}", phase.per_second),
            format!("{:.2}", phase.times.p50_ms),
            format!("{:.2}", phase.times.p99_ms),
            phase.failed.to_string(),
        ]);
    };
    row("with room", &memory.roomy);
    row(&format!("full, {} keys evicted", memory.evicted), &memory.full);
    table.to_string()
}
