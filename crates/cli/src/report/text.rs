//! A report for people at a terminal.

use super::{Finding, Report, Trended, finding::Weight};
use crate::{
    Table,
    ink::{BOLD, END, GREEN, RED, YELLOW},
    load::Trend,
};

pub(super) fn page(report: &Report) -> String {
    let mut parts = vec![head(report)];
    let mut groups: Vec<&str> = Vec::new();
    for figure in &report.figures {
        if !groups.contains(&&*figure.group) {
            groups.push(&figure.group);
        }
    }
    parts.extend(groups.into_iter().map(|group| figures(report, group)));
    if !report.commands.is_empty() {
        parts.push(commands(report));
    }
    parts.push(findings(report));
    if let Some(last) = &report.last_at {
        parts.push(trends(last, &report.trends));
    }
    parts.join("\n\n")
}

fn head(report: &Report) -> String {
    let Report { target, watched_seconds, reachable, score, grade, .. } = report;
    let health = match (score, grade) {
        (Some(score), Some(grade)) => format!("health {score}/100, grade {grade}"),
        _ => "its health is not told".to_owned(),
    };
    let reach = if *reachable { String::new() } else { format!("{RED}it does not answer{END}, ") };
    format!("{BOLD}report{END} of {target}\n{reach}{health}, watched for {watched_seconds:.1} s")
}

fn figures(report: &Report, group: &str) -> String {
    let mut table = Table::new();
    for figure in report.figures.iter().filter(|figure| figure.group == group) {
        table.row([format!("  {}", figure.name), figure.unit.show(figure.value)]);
    }
    format!("{BOLD}{group}{END}\n{table}")
}

fn commands(report: &Report) -> String {
    let mut table = Table::new();
    table.row(["  command", "calls", "p50 ms", "p99 ms"]);
    for row in report.commands.iter().take(8) {
        table.row([
            format!("  {}", row.command),
            row.calls.to_string(),
            format!("{:.3}", row.p50_ms),
            format!("{:.3}", row.p99_ms),
        ]);
    }
    format!("{BOLD}time of the server, by command{END}\n{table}")
}

fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        return format!("{GREEN}nothing of this is beyond its bound{END}");
    }
    let lines = report.findings.iter().map(|Finding { severity, message, remedy, .. }| {
        let word = match severity {
            Weight::Critical => format!("{RED}critical{END}"),
            Weight::Warning => format!("{YELLOW}warning{END}"),
            Weight::Advice => "advice".to_owned(),
        };
        format!("  {word}: {message}\n    → {remedy}")
    });
    format!("{BOLD}findings and recommendations{END}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn trends(last: &str, trends: &[Trended]) -> String {
    let mut table = Table::new();
    for Trended { name, before, now, unit, trend } in trends {
        let word = match trend {
            Some(Trend::Better) => format!("{GREEN}better{END}"),
            Some(Trend::Worse) => format!("{RED}worse{END}"),
            Some(Trend::Same) => "same".to_owned(),
            None => String::new(),
        };
        table.row([format!("  {name}"), unit.show(*before), format!("→ {}", unit.show(*now)), word]);
    }
    format!("{BOLD}since the report of {last}{END}\n{table}")
}
