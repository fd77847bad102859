//! `cargo xtask ci`: everything that a change must pass.

use std::env;

use clap::ValueEnum;

use crate::{
    Result,
    console::{self, Stopwatch},
    docs, layers, setup, test,
    workspace::{Run, Workspace},
};

/// Options of `ci`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leaves a step out; may be given several times.
    #[arg(long, value_name = "STEP")]
    without: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Step {
    Fmt,
    Layers,
    Clippy,
    Test,
    Docs,
    Rustdoc,
    Deny,
}

enum Outcome {
    Passed,
    Skipped(String),
}

/// Runs every step, also after a failure: one run shows all that is wrong.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let whole = Stopwatch::start();
    let mut table = Vec::new();
    let mut failed = Vec::new();
    for step in Step::value_variants() {
        let name = step.name();
        if arguments.without.contains(step) {
            table.push(format!("{name:<10}{:<10}left out by --without", "skipped"));
            continue;
        }
        console::heading(&name);
        let watch = Stopwatch::start();
        let row = match step.run(workspace) {
            Ok(Outcome::Passed) => format!("{name:<10}{:<10}{watch}", "passed"),
            Ok(Outcome::Skipped(why)) => {
                console::skipped(&name, &why);
                format!("{name:<10}{:<10}{why}", "skipped")
            }
            Err(reason) => {
                console::failure(&reason.to_string());
                failed.push(name.clone());
                format!("{name:<10}{:<10}{watch}", "FAILED")
            }
        };
        table.push(row);
    }
    console::heading(&format!("ci took {whole}"));
    console::result(&table.join("\n"));
    if failed.is_empty() { Ok(()) } else { Err(failed.join(", ").into()) }
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Runs cargo without `--workspace`: the default members leave out the benchmarks and their peers.
    fn run(self, workspace: &Workspace) -> Result<Outcome> {
        match self {
            Self::Fmt => workspace.cargo().args(["fmt", "--all", "--check"]).run()?,
            Self::Layers => layers::run(workspace, &layers::Arguments::default())?,
            Self::Clippy => workspace
                .cargo()
                .args(["clippy", "--all-targets", "--all-features", "--", "--deny", "warnings"])
                .run()?,
            Self::Test => test::run(workspace, &test::Arguments::default())?,
            Self::Docs => docs::run(workspace, &docs::Arguments { check: true })?,
            Self::Rustdoc => workspace
                .cargo()
                .args(["doc", "--no-deps", "--all-features"])
                .env("RUSTDOCFLAGS", "--deny warnings")
                .run()?,
            Self::Deny => return deny(workspace),
        }
        Ok(Outcome::Passed)
    }
}

/// Checks licences, bans and sources; advisories need a database from a network that CI doesn't have.
fn deny(workspace: &Workspace) -> Result<Outcome> {
    if workspace.find("cargo-deny").is_none() {
        if env::var("CI").as_deref() != Ok("true") {
            return Ok(Outcome::Skipped("cargo-deny is not here: `cargo xtask setup --all`".to_owned()));
        }
        if let Err(reason) = setup::extras::install_deny(workspace) {
            return Ok(Outcome::Skipped(format!("cargo-deny could not be installed: {reason}")));
        }
    }
    workspace.cargo().args(["deny", "--all-features", "check", "bans", "licenses", "sources"]).run()?;
    Ok(Outcome::Passed)
}
