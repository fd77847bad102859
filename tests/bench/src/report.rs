//! The report: two small tables for each contest, and the judged ratios for machines.

use std::{fmt, thread};

use serde::Serialize;

use crate::{
    contest::{Finding, Outcome, Plan, Series},
    judge::Verdict,
    usage::load_average,
};

/// Everything that was found.
#[derive(Debug)]
pub(crate) struct Report {
    conditions: String,
    load_before: String,
    outcomes: Vec<Outcome>,
}

/// One judged ratio, for machines.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    workload: &'a str,
    contestant: &'a str,
    floor: &'a str,
    measure: &'a str,
    ratio: f64,
    low: f64,
    high: f64,
    budget: f64,
    /// Whether the budget is a lower or an upper bound.
    bound: &'static str,
    ok: Verdict,
}

impl Report {
    pub(crate) fn begin(plan: &Plan) -> Self {
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let Plan { rounds, slice } = plan;
        let conditions = format!(
            "{cores} cores, {rounds} rounds, two slices of {:?} for each contestant in a round",
            slice.measured
        );
        Self { conditions, load_before: load_average(), outcomes: Vec::new() }
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// How many budgets came to `verdict`.
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        let findings = self.outcomes.iter().flat_map(|outcome| &outcome.findings);
        findings.filter(|finding| finding.budget.is_some_and(|(_, found)| found == verdict)).count()
    }

    /// What was judged; comparisons without a budget stand in the table alone.
    pub(crate) fn records(&self) -> Vec<Record<'_>> {
        let findings = self
            .outcomes
            .iter()
            .flat_map(|Outcome { title, findings, .. }| findings.iter().map(move |finding| (title, finding)));
        findings.filter_map(|(title, finding)| Record::of(title, finding)).collect()
    }
}

impl<'a> Record<'a> {
    fn of(workload: &'a str, finding: &'a Finding) -> Option<Self> {
        let Finding { contestant, floor, measure, unit: _, summary, budget } = finding;
        let (budget, ok) = (*budget)?;
        Some(Self {
            workload,
            contestant,
            floor,
            measure,
            ratio: summary.median,
            low: summary.low,
            high: summary.high,
            budget: budget.limit(),
            bound: budget.bound(),
            ok,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { conditions, load_before, outcomes } = self;
        writeln!(f, "{conditions}; load average {load_before} before, {} after", load_average())?;
        for Outcome { title, series, findings } in outcomes {
            writeln!(f, "\n{title}")?;
            if !series.is_empty() {
                write_table(f, &costs(series))?;
            }
            write_table(f, &comparisons(findings))?;
        }
        let [yes, no, unresolved] =
            [Verdict::Yes, Verdict::No, Verdict::Unresolved].map(|verdict| self.count(verdict));
        writeln!(f, "\nbudgets: {yes} hold, {no} are missed, {unresolved} unresolved")
    }
}

fn costs(series: &[Series]) -> Vec<Vec<String>> {
    let head = [
        "contestant",
        "calls/s",
        "mean time",
        "client CPU",
        "cores",
        "server CPU",
        "cores",
        "in commands",
        "calls/read",
        "failed",
    ];
    let rows = series.iter().map(|series| {
        let total = series.total();
        let (count, usage) = (total.count, total.usage);
        let on_server = |text: String| if usage.in_commands.is_zero() { "–".to_owned() } else { text };
        vec![
            series.name.to_owned(),
            per_second(total.calls_per_second()),
            time(total.nanos_per_call()),
            time(total.client_micros_per_call() * 1e3),
            format!("{:.2}", total.cores(usage.client)),
            on_server(time(total.server_micros_per_call() * 1e3)),
            on_server(format!("{:.2}", total.cores(usage.server))),
            on_server(time(total.in_commands_micros_per_call() * 1e3)),
            on_server(format!("{:.1}", count.all_calls as f64 / usage.reads as f64)),
            count.failed.to_string(),
        ]
    });
    [head.map(str::to_owned).to_vec()].into_iter().chain(rows).collect()
}

fn comparisons(findings: &[Finding]) -> Vec<Vec<String>> {
    let head = ["compared", "measure", "median", "95 %", "min–max", "budget", "holds"];
    let rows = findings.iter().map(|finding| {
        let Finding { contestant, floor, measure, unit, summary, budget } = finding;
        let range = |low, high| format!("{} – {}", unit.show(low), unit.show(high));
        let (budget, verdict) = budget.map_or_else(Default::default, |(budget, verdict)| {
            (format!("{} {}", budget.bound(), unit.show(budget.limit())), verdict.to_string())
        });
        vec![
            format!("{contestant} / {floor}"),
            (*measure).to_owned(),
            unit.show(summary.median),
            range(summary.low, summary.high),
            range(summary.min, summary.max),
            budget,
            verdict,
        ]
    });
    [head.map(str::to_owned).to_vec()].into_iter().chain(rows).collect()
}

/// Columns as wide as they must be: the first to the left, the others to the right.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line += &if column == 0 { format!("  {cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Shows calls per second: `850`, `152k`, `6.41M`.
pub(crate) fn per_second(rate: f64) -> String {
    match rate {
        _ if rate < 1e4 => format!("{rate:.0}/s"),
        _ if rate < 1e6 => format!("{:.1}k/s", rate / 1e3),
        _ => format!("{:.2}M/s", rate / 1e6),
    }
}

/// Shows nanoseconds: `140.3 ns`, `4.31 µs`, `1.52 ms`.
pub(crate) fn time(nanos: f64) -> String {
    match nanos {
        _ if nanos < 1e3 => format!("{nanos:.1} ns"),
        _ if nanos < 1e6 => format!("{:.2} µs", nanos / 1e3),
        _ => format!("{:.2} ms", nanos / 1e6),
    }
}
