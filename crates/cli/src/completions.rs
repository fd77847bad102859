//! `redstart completions`: what a shell completes.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::{Cli, Console, Exit, Failure};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  redstart completions bash > ~/.local/share/bash-completion/completions/redstart
  redstart completions zsh > ~/.zfunc/_redstart
  redstart completions fish > ~/.config/fish/completions/redstart.fish")]
#[non_exhaustive]
pub struct Args {
    /// Which shell.
    pub shell: Shell,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "redstart", &mut script);
    console.raw(&script)?;
    Ok(Exit::Fine)
}
