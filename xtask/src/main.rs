//! The chores of the workspace, one subcommand each: `cargo xtask --help`.

mod ci;
mod console;
mod docs;
mod layers;
#[expect(unreachable_pub, reason = "the harness of the tests owns this file and makes it public")]
#[path = "../../crates/testkit/src/locate.rs"]
mod locate;
mod matrix;
mod measure;
mod setup;
mod test;
mod workspace;

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// What a chore answers: it is done, or why it is not.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The chores of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Finds the programs that the tests need, and installs those that are missing.
    Setup(setup::Arguments),
    /// Runs every test: units, integration, faults, documentation.
    Test(test::Arguments),
    /// Runs the tests that talk to servers on every server that is here, and ends with a table.
    Matrix(matrix::Arguments),
    /// Runs everything that a change must pass, and ends with a table.
    Ci(ci::Arguments),
    /// Refuses edges between crates, and names in public signatures, that the design does not allow, and a
    /// table of permissions that is not what the code sends.
    Layers(layers::Arguments),
    /// Writes the reference pages, the dashboard and the alert rules under docs from the code.
    Docs(docs::Arguments),
    /// Measures against the floors and the peers, in release mode.
    Bench(measure::Arguments),
    /// Stages every fault on every topology, and judges the promised bounds.
    Faults(measure::Arguments),
    /// Stages random faults under load for minutes, and judges that nothing is counted twice or lost.
    Soak(measure::Arguments),
    /// Black-holes the server under a service with rate limits, and judges what its requests lose by it.
    Outage(measure::Arguments),
    /// Judges by the metrics of instances, or by a Prometheus, whether a release may go on.
    Gate(measure::Arguments),
    /// Runs the `redstart` command for operators.
    Redstart(measure::Arguments),
}

fn main() -> ExitCode {
    let Arguments { chore } = Arguments::parse();
    let workspace = Workspace::here();
    let done = match &chore {
        Chore::Setup(arguments) => setup::run(&workspace, arguments),
        Chore::Test(arguments) => test::run(&workspace, arguments),
        Chore::Matrix(arguments) => matrix::run(&workspace, arguments),
        Chore::Ci(arguments) => ci::run(&workspace, arguments),
        Chore::Layers(arguments) => layers::run(&workspace, arguments),
        Chore::Docs(arguments) => docs::run(&workspace, arguments),
        Chore::Bench(arguments) => measure::bench(&workspace, arguments),
        Chore::Faults(arguments) => measure::faults(&workspace, arguments),
        Chore::Soak(arguments) => measure::soak(&workspace, arguments),
        Chore::Outage(arguments) => measure::outage(&workspace, arguments),
        Chore::Gate(arguments) => measure::gate(&workspace, arguments),
        Chore::Redstart(arguments) => measure::redstart(&workspace, arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            console::failure(&reason.to_string());
            ExitCode::FAILURE
        }
    }
}
