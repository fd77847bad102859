//! `cargo xtask layers`: what the design keeps apart stays apart.

mod edges;
mod operations;
mod permissions;
mod signatures;
mod sources;

use crate::{Result, console, workspace::Workspace};

/// Options of `layers`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Writes the table of the commands that each component sends, from which rules of access are made.
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result {
    let sources = sources::read(workspace.root(), "crates")?;
    let conformance = sources::read(workspace.root(), "tests/it")?;
    let violations = [
        edges::violations(&edges::read(workspace)?),
        operations::violations(&sources, &conformance),
        signatures::violations(&sources),
        permissions::run(workspace.root(), &sources, arguments.write)?,
    ]
    .concat();
    if violations.is_empty() {
        console::note("edges, operations, signatures and permissions are as designed");
        return Ok(());
    }
    Err(format!("the layers are broken:\n  {}", violations.join("\n  ")).into())
}
