//! The table as rules for Prometheus.

use std::{fmt::Write as _, time::Duration};

use super::{
    state::SETTLES,
    table::{Alert, AlertTable, Bound},
};
use crate::{Unit, query::Promql};

/// The page where each alert is explained.
const RUNBOOKS: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/reference/alerts.md");

/// The table as a file of rules for Prometheus 2.42 or later.
///
/// They mean the same as the alerts that a service judges by itself; what each process sees is told by
/// process, what all see alike once per job.
///
/// ```
/// let rules = redstart_monitor::alert_rules(&redstart_monitor::AlertTable::default());
/// assert!(rules.contains("alert: RedstartMemory"));
/// ```
#[must_use]
pub fn alert_rules(table: &AlertTable) -> String {
    let mut file = String::from("groups:\n  - name: redstart\n    rules:\n");
    for alert in table {
        for bound in &alert.bounds {
            rule(&mut file, alert, bound);
        }
    }
    file
}

fn rule(file: &mut String, alert: &Alert, bound: &Bound) {
    let (name, severity) = (name_of(&alert.name), bound.severity.name());
    let question = question(alert);
    let (sign, by) = (if alert.is_floor { "<" } else { ">" }, by(alert));
    let mut expression = format!("({question}) {sign} {}", bound.threshold);
    if bound.clears_at.total_cmp(&bound.threshold).is_ne() {
        // What fires goes on until the answer is back behind the other bound.
        let firing = format!("ALERTS{{alertname=\"{name}\",alertstate=\"firing\",severity=\"{severity}\"}}");
        expression =
            format!("{expression} or ({question}) {sign} {} and on ({by}) {firing}", bound.clears_at);
    }
    let summary = match alert.unit {
        Unit::Truth => alert.problem.clone(),
        Unit::Seconds => format!("{}: {{{{ $value | humanizeDuration }}}}", alert.problem),
        Unit::Ratio => format!("{}: {{{{ $value | humanizePercentage }}}}", alert.problem),
        Unit::Bytes => format!("{}: {{{{ $value | humanize1024 }}}}B", alert.problem),
        Unit::Count => format!("{}: {{{{ $value | humanize }}}}", alert.problem),
    };
    let lines = [
        format!("- alert: {name}"),
        format!("  expr: {}", quoted(&expression)),
        format!("  for: {}", seconds(bound.hold)),
        format!("  keep_firing_for: {}", seconds(SETTLES)),
        format!("  labels: {{severity: {severity}}}"),
        "  annotations:".to_owned(),
        format!("    summary: {}", quoted(&summary)),
        format!("    description: {}", quoted(&alert.remedy)),
        format!("    runbook_url: {}", quoted(&format!("{RUNBOOKS}#{}", alert.name))),
    ];
    for line in lines {
        // Writing to a String cannot fail.
        let _written = writeln!(file, "      {line}");
    }
}

/// The question as Prometheus is asked it.
pub(super) fn question(alert: &Alert) -> String {
    Promql { window: &seconds(alert.window), by: by(alert), only: "" }.write(&alert.query)
}

const fn by(alert: &Alert) -> &'static str {
    if alert.is_shared { "job" } else { "job, instance" }
}

/// `latency-p99` as `RedstartLatencyP99`.
pub(crate) fn name_of(alert: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(characters).collect::<String>()
    };
    let words = alert.split(|character: char| !character.is_ascii_alphanumeric());
    format!("Redstart{}", words.map(capital).collect::<String>())
}

/// As Prometheus writes durations.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds >= 3_600 && seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds >= 60 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// As YAML's single-quoted text, in which nothing but the quote means anything.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
