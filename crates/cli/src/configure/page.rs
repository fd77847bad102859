//! The settings, for people.

use super::{Outcome, plan::Setting};
use crate::{Console, Table};

pub(super) fn plan(console: &Console, outcome: &Outcome) {
    for server in &outcome.plan.servers {
        let role = if server.is_replica { " (replica)" } else { "" };
        console.line(&format!("\x1b[1m{}\x1b[0m{role}", server.address));
        let mut table = Table::new();
        for Setting { name, present, desired } in &server.settings {
            let present = if present.is_empty() { "\"\"" } else { present };
            if present == desired {
                table.row([format!("  \x1b[32m✓\x1b[0m {name}"), present.to_owned()]);
            } else {
                let change = format!("\x1b[31m{present}\x1b[0m → \x1b[32m{desired}\x1b[0m");
                table.row([format!("  \x1b[33m~\x1b[0m {name}"), change]);
            }
        }
        console.line(&table.to_string());
    }
}

pub(super) fn outcome(console: &Console, outcome: &Outcome) {
    plan(console, outcome);
    let count = outcome.plan.servers.len();
    let servers = if count == 1 { "the server is".to_owned() } else { format!("{count} servers are") };
    if outcome.applied {
        console.line(&format!("\x1b[32mset:\x1b[0m {servers} as it should be, read back"));
    } else if outcome.plan.differs() {
        console.line("\x1b[33mdiffers:\x1b[0m nothing was changed");
    } else {
        console.line(&format!("\x1b[32mfine:\x1b[0m {servers} as it should be"));
    }
    for server in &outcome.forgetful {
        console.line(&format!(
            "\x1b[33m!\x1b[0m the next start forgets this, since the configuration file can't be written: {server}"
        ));
    }
}
