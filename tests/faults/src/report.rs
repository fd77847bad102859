//! The report: a table for people, a page for the documentation, records for machines.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    cell::{Cell, Run},
    machine,
    thousand::Thousand,
};

const METHOD: &str = include_str!("method.md");

const HEAD: [&str; 9] = [
    "fault",
    "work",
    "longest, ms",
    "p99 away, ms",
    "recovered, ms",
    "last failure, ms",
    "twice",
    "lost",
    "errors",
];
const HELD: [&str; 7] =
    ["fault", "sockets", "tasks", "keys", "heap, KiB", "machine stall, ms", "runtime stall, ms"];

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: String,
    date: String,
    commit: String,
    load_before: String,
    load_after: String,
    pub(crate) runs: Vec<Run>,
    pub(crate) thousand: Option<Thousand>,
    pub(crate) left_out: Vec<String>,
    pub(crate) misses: Vec<String>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        Self {
            machine: machine::description(),
            date: machine::said("date", &["-u", "+%F %R UTC"]),
            commit: machine::said("git", &["describe", "--always", "--dirty"]),
            load_before: machine::load_average(),
            load_after: String::new(),
            runs: Vec::new(),
            thousand: None,
            left_out: Vec::new(),
            misses: Vec::new(),
        }
    }

    pub(crate) fn end(&mut self) {
        self.load_after = machine::load_average();
    }

    /// The page under docs/reference.
    pub(crate) fn page(&self) -> String {
        let mut page =
            format!("<!-- Written by `cargo xtask faults --write`. -->\n\n{METHOD}\n{}\n", self.conditions());
        for (topology, runs) in self.by_topology() {
            page += &format!("\n## {topology}\n\n{}\n{}", markdown(&calls(&runs)), markdown(&held(&runs)));
        }
        page += "\n## Beyond the table\n\n";
        if let Some(thousand) = &self.thousand {
            page += &format!("- {thousand}.\n");
        }
        for left_out in &self.left_out {
            page += &format!("- Left out: {left_out}.\n");
        }
        page += "\n## Missed bounds\n\n";
        if self.misses.is_empty() {
            page += "None.\n";
        }
        for miss in &self.misses {
            page += &format!("- {miss}\n");
        }
        page
    }

    fn conditions(&self) -> String {
        let Self { machine, date, commit, load_before, load_after, .. } = self;
        let server = self.runs.first().map_or("–", |run| &run.server);
        format!(
            "{date}, commit {commit}, {server}, {machine}; load average {load_before} before, {load_after} after."
        )
    }

    fn by_topology(&self) -> Vec<(&str, Vec<&Run>)> {
        let mut parts: Vec<(&str, Vec<&Run>)> = Vec::new();
        for run in &self.runs {
            match parts.iter_mut().find(|(topology, _)| *topology == run.topology) {
                Some((_, runs)) => runs.push(run),
                None => parts.push((&run.topology, vec![run])),
            }
        }
        parts
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.conditions())?;
        for (topology, runs) in self.by_topology() {
            writeln!(f, "\n{topology}")?;
            write_table(f, &calls(&runs))?;
            write_table(f, &held(&runs))?;
        }
        if let Some(thousand) = &self.thousand {
            writeln!(f, "\n{thousand}")?;
        }
        for left_out in &self.left_out {
            writeln!(f, "left out: {left_out}")?;
        }
        writeln!(f, "\n{} bounds are missed", self.misses.len())?;
        self.misses.iter().try_for_each(|miss| writeln!(f, "  {miss}"))
    }
}

fn calls(runs: &[&Run]) -> Vec<Vec<String>> {
    let rows = runs.iter().flat_map(|run| run.cells.iter().map(move |cell| row(&run.fault, cell)));
    [HEAD.map(str::to_owned).to_vec()].into_iter().chain(rows).collect()
}

fn row(fault: &str, cell: &Cell) -> Vec<String> {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    vec![
        fault.to_owned(),
        cell.work.to_owned(),
        format!("{:.0} of {:.0}", cell.longest_ms, cell.deadline_ms),
        number(cell.p99_away_ms, 2),
        number(cell.recovered_ms, 0),
        number(cell.last_failure_ms, 0),
        cell.doubled.to_string(),
        cell.lost.to_string(),
        errors(cell.calls, &cell.errors),
    ]
}

fn errors(calls: usize, errors: &BTreeMap<String, usize>) -> String {
    let kinds = errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ");
    if kinds.is_empty() { format!("none of {calls}") } else { format!("{kinds} of {calls}") }
}

fn held(runs: &[&Run]) -> Vec<Vec<String>> {
    let rows = runs.iter().map(|run| {
        let (before, after) = (run.before, run.after);
        let pair = |before: usize, after: usize| format!("{before} → {after}");
        vec![
            run.fault.clone(),
            pair(before.sockets, after.sockets),
            pair(before.tasks, after.tasks),
            pair(before.keys, after.keys),
            pair(before.heap / 1024, after.heap / 1024),
            format!("{:.1}", run.machine_stall_ms),
            format!("{:.1}", run.runtime_stall_ms),
        ]
    });
    [HELD.map(str::to_owned).to_vec()].into_iter().chain(rows).collect()
}

fn markdown(rows: &[Vec<String>]) -> String {
    let mut table = String::new();
    for (number, row) in rows.iter().enumerate() {
        table += &format!("| {} |\n", row.join(" | "));
        if number == 0 {
            table += &format!("|{}\n", " --- |".repeat(row.len()));
        }
    }
    table
}

/// Columns as wide as they must be.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("  {cell:<width$}"));
        writeln!(f, "{}", cells.collect::<String>().trim_end())?;
    }
    Ok(())
}
