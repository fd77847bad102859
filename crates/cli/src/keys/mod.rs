//! `redstart keys`: what is there, against what is declared; invalidating and warming.

mod against;
mod catalogue;
mod invalidate;
mod reality;
mod warm;

use clap::Subcommand;

pub use self::{
    against::{AgainstArgs, against},
    catalogue::Declared,
    invalidate::{InvalidateArgs, Invalidated},
    reality::{Group, Named, Reality},
    warm::{WarmArgs, Warmed},
};
use crate::{Console, Exit, Failure, Server};

/// Compares the keys with their declarations, invalidates and warms.
#[derive(Clone, Debug, clap::Args)]
#[non_exhaustive]
pub struct Args {
    /// What to do; checks where nothing is said.
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What can be done with keys.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum What {
    /// Counts the keys of each declaration, and finds keys that nobody declared, that never end, that are big.
    Check(AgainstArgs),
    /// Removes cached values, after showing which; all processes forget what they hold.
    Invalidate(InvalidateArgs),
    /// Has a service load what will be asked for.
    Warm(WarmArgs),
}

/// Runs the subcommand.
///
/// # Errors
///
/// Fails when the question makes no sense, or the server or the service can't be asked.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    match &args.what {
        None => against::run(&AgainstArgs::default(), server, console).await,
        Some(What::Check(args)) => against::run(args, server, console).await,
        Some(What::Invalidate(args)) => invalidate::run(args, server, console).await,
        Some(What::Warm(args)) => warm::run(args, console).await,
    }
}
