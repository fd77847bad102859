//! The command line: one variant for each subcommand, whose arguments stand in its own module.

use clap::{Parser, Subcommand};

use crate::{
    Console, ConsoleOptions, Exit, Failure, Server, ServerOptions, backup, bench, completions, configure,
    doctor, drill, keys, load, man, or_interrupted, ping, report, restore, security,
};

/// What is wrong with Redis, what to do about it, and what it can bear.
#[derive(Debug, Parser)]
#[command(name = "redstart", version, after_help = exit_codes(), propagate_version = true)]
#[non_exhaustive]
pub struct Cli {
    /// Which server, and as whom.
    #[command(flatten)]
    pub server: ServerOptions,
    /// How the answer looks.
    #[command(flatten)]
    pub console: ConsoleOptions,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What the command can do.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Asks whether the server answers, and how fast.
    Ping(ping::Args),
    /// Holds every rule of health and security against the server, with what to do about it.
    Doctor(doctor::Args),
    /// Sets the server up for what it is used for.
    Configure(configure::Args),
    /// Says who could do what to the server, and writes rules of access for each component.
    Security(security::Args),
    /// Compares the keys with their declarations, invalidates and warms.
    Keys(keys::Args),
    /// Writes keys with their values and TTLs into a file.
    Backup(backup::Args),
    /// Puts the keys of a backup back.
    Restore(restore::Args),
    /// Breaks a server on purpose, and says what its clients saw.
    Drill(drill::Args),
    /// Makes so many calls a second, and says what came of them.
    Load(Box<load::Args>),
    /// Measures tiers, concurrency, memory pressure and a real-world mix, and grades what it found.
    Bench(bench::Args),
    /// Reports how a service or its server performs, what changed, and what to do.
    Report(report::Args),
    /// Prints the completions of a shell.
    Completions(completions::Args),
    /// Writes the manual pages.
    Man(man::Args),
}

impl Cli {
    /// Does what was asked for, prints the answer, and says how it went.
    pub async fn run(self) -> Exit {
        let Self { server, console, command } = self;
        let console = Console::new(&console);
        let server = Server::new(server);
        match command.run(&server, &console).await {
            Ok(exit) => exit,
            Err(failure) => {
                console.failure(&failure);
                failure.exit()
            }
        }
    }
}

impl Command {
    async fn run(&self, server: &Server, console: &Console) -> Result<Exit, Failure> {
        match self {
            Self::Ping(args) => or_interrupted(ping::run(args, server, console)).await?,
            Self::Doctor(args) => or_interrupted(doctor::run(args, server, console)).await?,
            Self::Configure(args) => configure::run(args, server, console).await,
            Self::Security(args) => security::run(args, server, console).await,
            Self::Keys(args) => keys::run(args, server, console).await,
            Self::Backup(args) => backup::run(args, server, console).await,
            Self::Restore(args) => restore::run(args, server, console).await,
            Self::Drill(args) => drill::run(args, server, console).await,
            // Boxed: the futures of loads are large, and their types deep.
            Self::Load(args) => Box::pin(load::run(args, server, console)).await,
            Self::Bench(args) => Box::pin(bench::run(args, server, console)).await,
            Self::Report(args) => Box::pin(report::run(args, server, console)).await,
            Self::Completions(args) => completions::run(args, console),
            Self::Man(args) => man::run(args, console),
        }
    }
}

/// The end of every help text.
fn exit_codes() -> String {
    let lines = Exit::ALL.map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()));
    format!("Exit codes:\n{}", lines.join("\n"))
}
