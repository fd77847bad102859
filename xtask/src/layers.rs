//! `cargo xtask layers`: what the design keeps apart stays apart.

mod edges;
mod operations;
mod signatures;
mod sources;

use crate::{Result, console, workspace::Workspace};

pub(crate) fn run(workspace: &Workspace) -> Result {
    let sources = sources::read(workspace.root(), "crates")?;
    let conformance = sources::read(workspace.root(), "tests/it")?;
    let violations = [
        edges::violations(&edges::read(workspace)?),
        operations::violations(&sources, &conformance),
        signatures::violations(&sources),
    ]
    .concat();
    if violations.is_empty() {
        console::note("edges, operations and signatures are as designed");
        return Ok(());
    }
    Err(format!("the layers are broken:\n  {}", violations.join("\n  ")).into())
}
