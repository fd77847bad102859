//! The rules, as data.

mod connection;
mod keys;
mod memory;
mod persistence;
mod process;
mod security;
mod server;

use std::{fmt::Write as _, sync::LazyLock};

use super::{Level, Rule, Topic, Unit};
use crate::{Facts, ServerInfo};

/// The rules by which the health is judged, those of a service apart.
///
/// ```
/// let memory = redstart_monitor::rules().iter().find(|rule| rule.name == "memory");
/// let critical = memory.and_then(|rule| rule.critical);
/// assert_eq!(critical.map(|level| (level.threshold, level.weight)), Some((0.85, 30)));
/// ```
#[must_use]
pub fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        [connection::RULES, server::RULES, memory::RULES, keys::RULES, process::RULES].concat()
    });
    &RULES
}

/// All rules by what they are about, with those that only an examination can judge.
pub(crate) const fn by_topic() -> [(Topic, &'static [Rule]); 7] {
    [
        (Topic::Connection, connection::RULES),
        (Topic::Server, server::RULES),
        (Topic::Memory, memory::RULES),
        (Topic::Persistence, persistence::RULES),
        (Topic::Security, security::RULES),
        (Topic::Keys, keys::RULES),
        (Topic::Process, process::RULES),
    ]
}

/// The rules as Markdown, for the reference pages; those of an examination under a heading of their own.
///
/// ```
/// assert!(redstart_monitor::rules_to_markdown().contains("| `memory` |"));
/// ```
#[must_use]
pub fn rules_to_markdown() -> String {
    let examination = persistence::RULES.iter().chain(security::RULES);
    format!(
        "{}\n## What an examination holds against the server besides\n\nThe command `redstart doctor` does, and \
         `Monitor::examine`; the health of a service knows nothing of these.\n\n{}",
        table(rules()),
        table(examination)
    )
}

fn table<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> String {
    let mut page = String::from(
        "| rule | fact | advice | warning | critical | what is wrong | what to do |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for rule in rules {
        let level = |level: Option<Level>| {
            let Some(Level { threshold, weight }) = level else { return String::new() };
            match (rule.unit, rule.is_floor) {
                (Unit::Truth, _) => format!("−{weight}"),
                (unit, true) => format!("< {}: −{weight}", unit.show(threshold)),
                (unit, false) => format!("> {}: −{weight}", unit.show(threshold)),
            }
        };
        let Rule { name, fact, problem, remedy, .. } = rule;
        let [advice, warning, critical] = [rule.advice, rule.warning, rule.critical].map(level);
        // Writing to a String cannot fail.
        let _written = writeln!(
            page,
            "| `{name}` | {fact} | {advice} | {warning} | {critical} | {problem} | {remedy} |"
        );
    }
    page
}

const fn truth(is: bool) -> Option<f64> {
    Some(if is { 1.0 } else { 0.0 })
}

/// Whether the server says so; none when it says nothing.
fn told(facts: &Facts, is: impl FnOnce(&ServerInfo) -> bool) -> Option<f64> {
    truth(is(facts.server.as_ref()?))
}

fn of(facts: &Facts, is: impl FnOnce(&ServerInfo) -> bool) -> bool {
    facts.server.as_ref().is_some_and(is)
}

#[expect(clippy::cast_precision_loss, reason = "a rule compares, and needs three digits")]
const fn count(count: u64) -> f64 {
    count as f64
}

/// A setting of the server, where somebody has examined it and the server told.
fn setting<'a>(facts: &'a Facts, name: &str) -> Option<&'a str> {
    let settings = facts.examined.as_ref()?.inspection.settings.known()?;
    settings.get(name).map(String::as_str)
}
