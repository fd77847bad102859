//! The table as a page for people.

use std::fmt::Write as _;

use super::{
    rules::{name_of, question, seconds},
    state::SETTLES,
    table::{AlertTable, Bound},
};

/// The table as Markdown, for the reference pages.
///
/// ```
/// let page = redstart_monitor::alerts_to_markdown(&redstart_monitor::AlertTable::default());
/// assert!(page.contains("| `memory` | warning | above 80.0 % | 1m | 78.0 % |"));
/// ```
#[must_use]
pub fn alerts_to_markdown(table: &AlertTable) -> String {
    let mut page =
        String::from("| alert | severity | wrong | for | over at |\n| --- | --- | --- | --- | --- |\n");
    for alert in table {
        for Bound { severity, threshold, clears_at, hold } in &alert.bounds {
            let side = if alert.is_floor { "below" } else { "above" };
            let (unit, hold, severity) = (alert.unit, seconds(*hold), severity.name());
            let (threshold, clears_at) = (unit.show(*threshold), unit.show(*clears_at));
            let name = &alert.name;
            // Writing to a String cannot fail.
            let _written =
                writeln!(page, "| `{name}` | {severity} | {side} {threshold} | {hold} | {clears_at} |");
        }
    }
    let settles = seconds(SETTLES);
    let _written =
        writeln!(page, "\nAn alert is over when the answer has been back at the last column for {settles}.");
    for alert in table {
        let (name, problem, remedy) = (&alert.name, &alert.problem, &alert.remedy);
        let (question, rule) = (question(alert), name_of(name));
        let _written = write!(
            page,
            "\n## {name}\n\n{}.\n{remedy}\nIn Prometheus: `{rule}`, of\n\n```promql\n{question}\n```\n",
            capitalised(problem)
        );
    }
    page
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}
