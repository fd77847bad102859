//! The reference pages that the code writes about itself.

use std::fmt::Write as _;

use redstart::{connection, monitor};

use crate::{
    alerting,
    database::{QUERIES, QUERIES_HELP},
    keys, settings,
};

/// The page that a flag asks for.
pub(crate) fn page(flag: &str) -> Option<String> {
    match flag {
        "--print-catalogue" => Some(catalogue()),
        "--print-metrics" => Some(metrics()),
        "--print-environment" => Some(environment()),
        "--print-health" => Some(health()),
        "--print-alerts" => Some(alerts()),
        "--print-alert-rules" => Some(monitor::alert_rules(&alerting::table())),
        "--print-dashboard" => Some(format!("{:#}", monitor::dashboard(&alerting::table()))),
        _ => None,
    }
}

fn catalogue() -> String {
    format!(
        "# Keys\n\n\
         Every key of the example service `marketplace`, from its declarations in `keys.rs`.\n\
         On the server each stands behind the prefix of the environment.\n\n{}",
        keys::catalogue().to_markdown()
    )
}

fn metrics() -> String {
    format!(
        "# Metrics\n\n\
         What the toolkit tells the recorder of the service, and what the monitor asks the server when \
         `/metrics` is read.\n\n{}\n\
         The example service adds one of its own:\n\n\
         | metric | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n\
         | `{QUERIES}` | counter | count |  | {QUERIES_HELP} |\n",
        monitor::to_markdown()
    )
}

fn health() -> String {
    format!(
        "# Health\n\n\
         The health begins with 100 points. Each rule that the facts break takes its weight off, by the worst \
         of its bounds that is passed; of the servers of a cluster the worst counts.\n\n\
         | points | grade |\n| --- | --- |\n| 90 and more | A |\n| 80 and more | B |\n| 70 and more | C |\n\
         | 60 and more | D |\n| fewer | F |\n\n\
         The status is `unhealthy` with grade F, `degraded` with any warning or critical issue, and `healthy` \
         otherwise: an advice takes points off and leaves the status.\n\
         What may not be asked on a server, or is not known yet, breaks no rule.\n\
         A service adds rules of its own with `Monitor::add_rule`.\n\n{}",
        monitor::rules_to_markdown()
    )
}

fn alerts() -> String {
    format!(
        "# Alerts\n\n\
         What is worth waking somebody: judged every ten seconds by a service that starts `Alerts`, and by \
         Prometheus with the [rules](../dashboards/redstart-alerts.yml) made from the same table.\n\
         Every line can be changed or left out; the last two are the example's own.\n\n\
         An alert is pending while its bound is broken, and fires when that has lasted for its time.\n\
         It is told once, repeated every four hours while it fires, and told once more when it is over.\n\
         A worse bound of the same alert silences the milder one; for Prometheus's Alertmanager that is\n\n\
         ```yaml\ninhibit_rules:\n  - source_matchers: [severity=\"critical\"]\n    target_matchers: [severity=\"warning\"]\n    equal: [alertname, job, instance]\n```\n\n{}",
        monitor::alerts_to_markdown(&alerting::table())
    )
}

fn environment() -> String {
    let mut page = String::from(
        "# Environment\n\n\
         A variable that is set to nothing counts as not set.\n\
         Everything that is wrong is reported at once.\n\n\
         ## The connection\n\n\
         A field is one of the table `[redis]` of the file that `REDIS_CONFIG_FILE` names; \
         the [guide](../guide/configuration.md) has an example of it, and says what goes before what.\n\n\
         | variable | aliases | field | default | meaning |\n| --- | --- | --- | --- | --- |\n",
    );
    for connection::Variable { name, aliases, field, default, description, .. } in connection::VARIABLES {
        let aliases: Vec<_> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let field = field.map(|field| format!("`{field}`")).unwrap_or_default();
        let aliases = aliases.join(", ");
        // Writing to a String cannot fail.
        let _written = writeln!(page, "| `{name}` | {aliases} | {field} | {default} | {description} |");
    }
    page.push_str("\n## The example service\n\n| variable | default | meaning |\n| --- | --- | --- |\n");
    for (name, default, meaning) in settings::VARIABLES {
        let _written = writeln!(page, "| `{name}` | {default} | {meaning} |");
    }
    page
}
