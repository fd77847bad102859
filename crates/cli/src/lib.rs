//! The `redstart` command: what is wrong with Redis, what to do about it, and what it can bear.
//!
//! Each subcommand is a module with its `Args` and a function `run`; what it finds out is a plain value
//! that is printed for people, or with `--json` for programs.
//! The binary parses, runs and turns the answer into an [`Exit`] code; a program that wants the same without
//! a terminal calls [`Cli::run`].
//!
//! ```
//! use clap::Parser;
//! use redstart_cli::Cli;
//!
//! let cli = Cli::try_parse_from(["redstart", "completions", "bash"]);
//! assert!(cli.is_ok());
//! ```

mod archive;
pub mod backup;
mod batches;
pub mod bench;
mod cli;
pub mod completions;
pub mod configure;
mod console;
pub mod doctor;
pub mod drill;
mod exit;
mod files;
mod ink;
mod interrupt;
pub mod keys;
pub mod load;
pub mod man;
mod page;
pub mod ping;
pub mod report;
pub mod restore;
pub mod security;
mod server;
mod sizes;
mod wire;

pub use crate::{
    archive::{Archive, ArchiveError, Header, Name, Position, Record, Selection, Totals},
    cli::{Cli, Command},
    console::{Color, Console, ConsoleOptions, Progress, Table},
    exit::{Exit, Failure},
    interrupt::{Interrupted, or_interrupted},
    server::{Server, ServerOptions},
};
