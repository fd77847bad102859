//! `cargo xtask bench`: builds the benchmarks in release mode and hands them their arguments.

use crate::{
    Result,
    locate::VARIABLE,
    setup,
    workspace::{Run, Workspace},
};

/// Options of `bench`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Passed to the benchmarks, `--help` too.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let server = setup::server(workspace)?;
    workspace
        .cargo()
        .args(["run", "--release", "--package", "redstart-bench", "--"])
        .args(&arguments.arguments)
        .env(VARIABLE, &server.path)
        .run()
}
