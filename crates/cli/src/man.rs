//! `redstart man`: the manual pages.

use std::{fs, path::PathBuf};

use clap::CommandFactory;
use clap_mangen::Man;

use crate::{Cli, Console, Exit, Failure};

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  redstart man | man -l -
  redstart man --out ~/.local/share/man/man1")]
#[non_exhaustive]
pub struct Args {
    /// Writes a page for each subcommand into this folder, instead of the first page to the standard output.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page)?;
        console.raw(&page)?;
        return Ok(Exit::Fine);
    };
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| {
        Failure::usage(format!("--out {}: the pages can't be written there: {error}", folder.display()))
    })?;
    console.note(&format!("the pages are in {}", folder.display()));
    Ok(Exit::Fine)
}
