//! What came of a load, for people at a terminal.

use super::{
    compare::{Change, Trend},
    generator::Verdict,
    outcome::{Outcome, Use},
    spread::Spread,
};
use crate::{
    Table,
    ink::{BOLD, END, GREEN, RED, YELLOW},
};

/// The whole page.
pub(super) fn page(outcome: &Outcome, changes: Option<&[Change]>) -> String {
    let Outcome { scenario, target, seconds, .. } = outcome;
    let mut parts = vec![
        format!("{BOLD}{}{END} on {target}, {seconds:.1} s", scenario.name),
        rates(outcome),
        times(outcome),
        figures(outcome),
    ];
    if !outcome.failures.is_empty() {
        parts.push(failures(outcome));
    }
    parts.push(generator(outcome));
    if let Some(changes) = changes {
        parts.push(compared(changes));
    }
    if !outcome.thresholds.is_empty() {
        parts.push(thresholds(outcome));
    }
    parts.join("\n\n")
}

fn rates(outcome: &Outcome) -> String {
    let starts = outcome.starts;
    let held =
        starts.held().map_or_else(|| "nothing planned".to_owned(), |held| format!("{:.1} %", held * 100.0));
    let mut table = Table::new();
    table.row(["  starts", &format!("{} of {} planned ({held})", starts.made, starts.planned)]);
    table.row(["  answers", &format!("{} ({:.0}/s)", outcome.response.count, outcome.answered_per_second)]);
    if starts.dropped > 0 {
        table.row(["  dropped", &format!("{YELLOW}{}{END} starts were not made", starts.dropped)]);
    }
    if starts.unanswered > 0 {
        table.row(["  unanswered", &format!("{RED}{}{END} calls had no end", starts.unanswered)]);
    }
    table.to_string()
}

fn times(outcome: &Outcome) -> String {
    let mut table = Table::new();
    table.row(["  ms", "p50", "p90", "p95", "p99", "p99.9", "max"]);
    let mut row = |name: &str, spread: &Spread| {
        let Spread { p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, max_ms, .. } = spread;
        let cells = [p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, max_ms].map(|time| format!("{time:.2}"));
        table.row(std::iter::once(format!("  {name}")).chain(cells));
    };
    row("response", &outcome.response);
    row("service", &outcome.service);
    row("lateness", &outcome.lateness);
    for step in &outcome.steps {
        row(&format!("  {}", step.name), &step.response);
    }
    table.to_string()
}

fn figures(outcome: &Outcome) -> String {
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "not told".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let mut table = Table::new();
    table.row(["  failed", &format!("{} ({})", outcome.failed(), percent(outcome.error_rate()))]);
    table.row(["  hit rate", &percent(outcome.hit_rate)]);
    table.row(["  limited", &outcome.limited.to_string()]);
    for (name, used) in
        [("  server memory", outcome.memory.server), ("  client memory", outcome.memory.client)]
    {
        table.row([name, &used.map_or_else(|| "not told".to_owned(), memory)]);
    }
    if let Some(evicted) = outcome.evicted {
        table.row(["  evicted", &format!("{evicted} keys")]);
    }
    let exhausted = outcome.pool.exhausted;
    let used = outcome
        .pool
        .utilization
        .map_or_else(String::new, |share| format!("{:.0} % in use at most, ", share * 100.0));
    table.row(["  connections", &format!("{used}exhausted {exhausted} times")]);
    table.to_string()
}

fn memory(Use { before, peak, after }: Use) -> String {
    let mebibytes = |bytes: u64| format!("{:.1}", bytes as f64 / (1024.0 * 1024.0));
    format!("{} → {} MiB, {} at most", mebibytes(before), mebibytes(after), mebibytes(peak))
}

fn failures(outcome: &Outcome) -> String {
    let mut table = Table::new();
    for (class, failure) in &outcome.failures {
        table.row([format!("  {RED}{class}{END}"), failure.count.to_string(), failure.example.clone()]);
    }
    table.to_string()
}

fn generator(outcome: &Outcome) -> String {
    let reason = &outcome.generator.reason;
    match outcome.generator.verdict {
        Verdict::KeptUp => format!("  {GREEN}the generator kept up{END}: {reason}"),
        Verdict::Noticeable => format!("  {YELLOW}the generator is part of the picture{END}: {reason}"),
        Verdict::Bottleneck => {
            format!("  {RED}the generator is the bottleneck, the times can't be trusted{END}: {reason}")
        }
    }
}

fn compared(changes: &[Change]) -> String {
    let mut table = Table::new();
    table.row(["  figure", "before", "now", ""]);
    for Change { figure, before, now, unit, trend } in changes {
        let show = |figure: &Option<f64>| figure.map_or_else(|| "-".to_owned(), |figure| unit.show(figure));
        let word = match trend {
            Trend::Better => format!("{GREEN}better{END}"),
            Trend::Same => "same".to_owned(),
            Trend::Worse => format!("{RED}worse{END}"),
        };
        table.row([format!("  {figure}"), show(before), show(now), word]);
    }
    table.to_string()
}

fn thresholds(outcome: &Outcome) -> String {
    let mut table = Table::new();
    for judgement in &outcome.thresholds {
        let mark = if judgement.holds { format!("{GREEN}pass{END}") } else { format!("{RED}FAIL{END}") };
        let measured = judgement.measured.clone().unwrap_or_else(|| "not measured".to_owned());
        table.row([format!("  {mark}"), judgement.threshold.clone(), measured]);
    }
    let missed = outcome.thresholds.iter().filter(|judgement| !judgement.holds).count();
    let all = outcome.thresholds.len();
    let end = if missed == 0 {
        format!("all {all} thresholds hold")
    } else {
        format!("{missed} of {all} thresholds don't hold")
    };
    format!("{table}\n\n{end}")
}
