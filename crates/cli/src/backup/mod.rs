//! `redstart backup`: the keys of some namespaces, in a file.

mod taking;
mod walk;

use std::{path::PathBuf, time::Duration};

use redstart_connection::Store;

pub use self::taking::{Backup, Counted, Taken, take};
pub(crate) use self::walk::identify;
use crate::{
    Console, Exit, Failure, Server, Table,
    archive::{Selection, part},
    interrupt::or_interrupted,
    sizes,
};

/// Writes keys with their values and TTLs into a file.
///
/// The file is compressed and every part of it is checksummed; only its owner may read it, since it holds what
/// the server holds. While it is written it ends with .part; what was cut goes on with --resume.
///
/// Keys are taken one by one while the server works: each is as it was at one moment, all of them together are
/// not. Locks are left out unless they are named, since restoring one would bring back a holder who is gone.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[non_exhaustive]
pub struct Args {
    /// File to write.
    pub file: PathBuf,
    /// Which keys.
    #[command(flatten)]
    pub selection: Selection,
    /// Goes on with a backup that was cut; takes what that one took.
    #[arg(long, conflicts_with_all = ["force", "dry_run", "namespaces", "patterns", "with_locks"])]
    pub resume: bool,
    /// Writes over a backup that stands there.
    #[arg(long)]
    pub force: bool,
    /// Counts what would be taken, and writes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for a server that is away, such as during a failover.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub patience: Duration,
    /// At most so many keys a second, to spare a busy server.
    #[arg(long, value_name = "KEYS")]
    pub rate: Option<u32>,
}

const EXAMPLES: &str = "Examples:
  redstart backup monday.rsb                              everything under the prefix, save locks
  redstart backup sessions.rsb -n session -n idempotency  two categories
  redstart backup users.rsb --pattern 'cache:user:*'      a glob, without the prefix
  redstart backup monday.rsb --resume                     go on with one that was cut
  redstart restore monday.rsb --check                     is the file whole, and what is in it?";

/// Runs the subcommand.
///
/// # Errors
///
/// Fails when the server can't be asked or the file can't be written.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let store = server.store()?;
    needs_server(&store)?;
    let progress = console.progress(None, if args.dry_run { "counting keys" } else { "writing keys" });
    let taken = or_interrupted(take(&store, args, |done| {
        if let Some(of) = done.of {
            progress.of(of);
        }
        progress.at(done.keys);
    }))
    .await;
    drop(progress);
    let taken = taken.map_err(|interrupted| {
        let failure = Failure::from(interrupted);
        if args.dry_run {
            return failure;
        }
        failure.with_remedy(format!(
            "{} keeps what is written; go on with redstart backup {} --resume",
            part(&args.file).display(),
            args.file.display()
        ))
    })??;
    console.answer(&taken, show)?;
    Ok(Exit::Fine)
}

/// Dumps and restores are for servers of their own.
///
/// # Errors
///
/// Fails on the embedded store and over REST, with what would be right.
pub(crate) fn needs_server(store: &Store) -> Result<(), Failure> {
    let reason = match store.status().mode {
        "memory" => "nothing names a server, and the embedded store of this process holds no key",
        "rest" => "values in the server's own form can't pass through REST, which carries text",
        _ => return Ok(()),
    };
    Err(Failure::usage(reason).with_remedy("name the server: --url redis://host:6379, or REDIS_URL"))
}

fn show(console: &Console, backup: &Backup) {
    let Backup { file, keys, categories, bytes, length, digest, took_ms, resumed_at, .. } = backup;
    let seconds = *took_ms as f64 / 1e3;
    let mut table = Table::new();
    for count in categories {
        table.row([format!("  {}", count.category), count.keys.to_string()]);
    }
    if *resumed_at > 0 {
        console.line(&format!("Went on after {resumed_at} keys that were written before."));
    }
    match (file, length, digest) {
        (Some(file), Some(length), Some(digest)) => {
            console.line(&format!(
                "{} holds {keys} keys: {}, compressed to {}, in {seconds:.1} s.",
                file.display(),
                sizes::bytes(*bytes),
                sizes::bytes(*length)
            ));
            console.line(&table.to_string());
            console.line(&format!("  sha256  {digest}"));
        }
        _ => {
            console.line(&format!("{keys} keys would be taken; nothing was written."));
            console.line(&table.to_string());
        }
    }
    for note in &backup.notes {
        console.line(&format!("  note: {note}"));
    }
}
