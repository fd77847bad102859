//! Who could do what, for people.

use redstart_monitor::UserRules;

use super::{Granted, Proof, Report};
use crate::{Console, doctor};

pub(super) fn report(console: &Console, report: &Report) {
    console.line(&format!("\x1b[1m{}\x1b[0m", report.address));
    for check in &report.checks {
        doctor::show_check(console, check);
    }
    if let Some(commands) = &report.commands {
        let shown: Vec<_> = commands
            .iter()
            .map(|command| match command.allowed {
                true => format!("\x1b[33m{}\x1b[0m", command.command),
                false => format!("\x1b[32mno {}\x1b[0m", command.command),
            })
            .collect();
        console.line(&format!("\ndangerous commands: {}", shown.join(", ")));
    }
    for user in report.users.iter().flatten() {
        console.line(&format!("user {}: {}", user.name, rights(user)));
    }
}

fn rights(user: &UserRules) -> String {
    let UserRules { enabled, passwordless, guessable, all_keys, all_commands, .. } = user;
    if !enabled {
        return "off".to_owned();
    }
    let login = match (passwordless, guessable) {
        (true, _) => "needs no password",
        (_, true) => "has one of the passwords that are tried first",
        _ => "has a password",
    };
    let keys = if *all_keys { "every key" } else { "some keys" };
    let commands = if *all_commands { "every command" } else { "some commands" };
    format!("{login}, {commands} on {keys}")
}

pub(super) fn granted(console: &Console, granted: &[Granted]) {
    console.note("# for a file of users (aclfile), with a password of your own in the place of <sha256 of the password>;");
    console.note(
        "# or at once: redis-cli ACL SETUSER NAME on '>PASSWORD' RULES, and ACL SAVE or CONFIG REWRITE",
    );
    for Granted { user, components, rules, proof } in granted {
        let names = components.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        console.note(&format!("# {names}"));
        console.line(&format!("user {user} on #<sha256 of the password> {rules}"));
        if let Some(proof) = proof {
            show_proof(console, proof);
        }
    }
}

fn show_proof(console: &Console, proof: &Proof) {
    let Proof { tried, wrong, unknown } = proof;
    if wrong.is_empty() {
        console.note(&format!(
            "# \x1b[32m✓\x1b[0m {tried} commands tried: allowed what is needed, refused all else"
        ));
    }
    for trial in wrong {
        let should = if trial.should_pass { "should be allowed" } else { "should be refused" };
        console.note(&format!(
            "# \x1b[31m✗\x1b[0m {} {should}, and the server says: {}",
            trial.command, trial.said
        ));
    }
    if !unknown.is_empty() {
        console.note(&format!("# – this server does not know {}", unknown.join(", ")));
    }
}
