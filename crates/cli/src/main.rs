//! The program: parses, runs, and says by its exit code how it went.

use std::process::ExitCode;

use clap::Parser;
use redstart_cli::{Cli, Exit};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            anstream::eprintln!("error: the runtime can't start: {error}");
            Exit::Usage
        }
    };
    exit.into()
}
