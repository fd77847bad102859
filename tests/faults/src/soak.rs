//! `cargo xtask soak`.

use tokio::runtime::Runtime;

use crate::Result;

/// Options of `soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) async fn run(_: &Runtime, _: &Arguments) -> Result<usize> {
    Ok(0)
}
