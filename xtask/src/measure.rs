//! `cargo xtask bench`, `faults`, `soak`, `outage`, `gate` and `redstart`: what measures or judges is built and
//! handed its arguments.

use std::process::Stdio;

use crate::{
    Result,
    locate::VARIABLE,
    setup,
    workspace::{Run, Workspace},
};

/// Options of a chore that passes them on.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Passed on, `--help` too.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn bench(workspace: &Workspace, arguments: &Arguments) -> Result {
    run(workspace, "redstart-bench", &[], arguments)
}

pub(crate) fn faults(workspace: &Workspace, arguments: &Arguments) -> Result {
    run(workspace, "redstart-faults", &["faults"], arguments)
}

pub(crate) fn soak(workspace: &Workspace, arguments: &Arguments) -> Result {
    run(workspace, "redstart-faults", &["soak"], arguments)
}

pub(crate) fn outage(workspace: &Workspace, arguments: &Arguments) -> Result {
    run(workspace, "redstart-faults", &["outage"], arguments)
}

/// It reads what others have measured, and needs no server.
pub(crate) fn gate(workspace: &Workspace, arguments: &Arguments) -> Result {
    let example =
        ["run", "--quiet", "--package", "redstart", "--features", "gate,tls-ring", "--example", "gate", "--"];
    workspace.cargo().args(example).args(&arguments.arguments).run()
}

/// The command for operators; a drill starts the servers that the tests run on.
pub(crate) fn redstart(workspace: &Workspace, arguments: &Arguments) -> Result {
    let server = setup::server(workspace)?;
    let program = ["run", "--quiet", "--release", "--package", "redstart-cli", "--"];
    // It asks before it changes something.
    workspace
        .cargo()
        .args(program)
        .args(&arguments.arguments)
        .env(VARIABLE, &server.path)
        .stdin(Stdio::inherit())
        .run()
}

fn run(workspace: &Workspace, package: &str, which: &[&str], arguments: &Arguments) -> Result {
    let server = setup::server(workspace)?;
    workspace
        .cargo()
        .args(["run", "--release", "--package", package, "--"])
        .args(which)
        .args(&arguments.arguments)
        .env(VARIABLE, &server.path)
        .run()
}
