//! What the doctor found, for people.

use redstart_monitor::{Check, CheckVerdict, HealthStatus, Topic, Unit};

use super::Report;
use crate::Console;

const NAME: usize = 20;

pub(super) fn show(console: &Console, report: &Report, is_quiet: bool) {
    let health = &report.examination.health;
    let ping = health.latency.map(|latency| format!(", PING {:.2} ms", latency.as_secs_f64() * 1_000.0));
    console.line(&format!("\x1b[1m{}\x1b[0m ({}{})", report.address, health.mode, ping.unwrap_or_default()));
    for server in &report.examination.servers {
        console.line(&format!("  {server}"));
    }
    if let Some(cause) = &report.examination.cause {
        console.line(&format!("  \x1b[31m{cause}\x1b[0m"));
    }
    configuration(console, report);
    let mut topic: Option<Topic> = None;
    for check in &report.examination.checks {
        let is_fine = matches!(check.verdict, CheckVerdict::Passed | CheckVerdict::Unseen);
        if is_quiet && is_fine {
            continue;
        }
        if topic != Some(check.topic) {
            console.line(&format!("\n\x1b[1m{}\x1b[0m", check.topic.name()));
            topic = Some(check.topic);
        }
        show_check(console, check);
    }
    summary(console, report);
}

fn configuration(console: &Console, report: &Report) {
    if report.configuration.is_empty() {
        return;
    }
    console.line("\n\x1b[1mconfiguration\x1b[0m");
    let sign = if report.is_refused() { "\x1b[31m✗\x1b[0m" } else { "\x1b[36m•\x1b[0m" };
    for issue in &report.configuration {
        console.line(&format!("  {sign} {} {}", issue.variable, issue.what));
        console.line(&format!("      → right would be {}", issue.right));
    }
}

pub(crate) fn show_check(console: &Console, check: &Check) {
    let sign = sign(check.verdict);
    let rule = check.rule;
    if let Some(needs) = check.needs {
        console
            .line(&format!("  {sign} \x1b[2m{rule:NAME$} can't be seen from here; it takes {needs}\x1b[0m"));
        return;
    }
    let evidence = check.evidence.as_deref().unwrap_or("no");
    let Some(issue) = &check.issue else {
        console.line(&format!("  {sign} {rule:NAME$} {evidence}"));
        return;
    };
    // What a number says, the message says too.
    let seen = match (&check.evidence, issue.unit) {
        (Some(evidence), Unit::Truth) => format!(" ({evidence})"),
        _ => String::new(),
    };
    console.line(&format!("  {sign} {rule:NAME$} {}{seen}", issue.message));
    console.line(&format!("      → {}", issue.remedy));
    if !check.command.is_empty() {
        console.line(&format!("      \x1b[36m$ {}\x1b[0m", check.command));
    }
}

const fn sign(verdict: CheckVerdict) -> &'static str {
    match verdict {
        CheckVerdict::Passed => "\x1b[32m✓\x1b[0m",
        CheckVerdict::Advice => "\x1b[36m•\x1b[0m",
        CheckVerdict::Warning => "\x1b[33m!\x1b[0m",
        CheckVerdict::Critical => "\x1b[31m✗\x1b[0m",
        CheckVerdict::Unseen => "\x1b[2m–\x1b[0m",
    }
}

fn summary(console: &Console, report: &Report) {
    let health = &report.examination.health;
    let count = |verdict| report.examination.checks.iter().filter(|check| check.verdict == verdict).count();
    let word = match health.status {
        HealthStatus::Healthy => "\x1b[32mhealthy\x1b[0m",
        HealthStatus::Degraded => "\x1b[33mdegraded\x1b[0m",
        HealthStatus::Unhealthy => "\x1b[31munhealthy\x1b[0m",
    };
    console.line(&format!(
        "\n{word}, {} of 100, grade {:?}: {} critical, {} warnings, {} advices, {} kept, {} can't be seen from here",
        health.score,
        health.grade,
        count(CheckVerdict::Critical),
        count(CheckVerdict::Warning),
        count(CheckVerdict::Advice),
        count(CheckVerdict::Passed),
        count(CheckVerdict::Unseen),
    ));
}
