//! `redstart restore`: the keys of a backup, put back.

mod comparing;
mod report;
mod writing;

use std::{path::PathBuf, time::Duration};

use redstart_connection::Store;

pub use self::report::{Checked, Compared, Restored};
use self::report::{show_checked, show_restored};
use crate::{
    Console, Exit, Failure, Progress, Server,
    archive::{Archive, Chosen, Header, Selection},
    backup::{identify, needs_server},
    interrupt::or_interrupted,
    wire::{Identified, Patience},
};

/// Puts the keys of a backup back.
///
/// Before anything is written, every checksum of the file is checked, and every key is compared with what is
/// there. Keys that are there with the same value and TTL are left as they are, so a restore that was cut is
/// simply run again. Where other values stand, nothing is written at all until --overwrite or --keep says what
/// is to become of them. Afterwards every key is read back and compared.
///
/// TTLs run on: a key that would have ended since the backup is not restored.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[non_exhaustive]
pub struct Args {
    /// File of a backup.
    pub file: PathBuf,
    /// Which keys of it.
    #[command(flatten)]
    pub selection: Selection,
    /// Replaces keys that are there with other values.
    #[arg(long, conflicts_with = "keep")]
    pub overwrite: bool,
    /// Keeps keys that are there with other values, and restores the others.
    #[arg(long)]
    pub keep: bool,
    /// Gives each key the time that it had left when the backup was made, instead of what is left of it now.
    #[arg(long)]
    pub revive: bool,
    /// Says what would be written, and writes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Checks the file and says what is in it; asks no server.
    #[arg(long, conflicts_with_all = ["overwrite", "keep", "revive", "dry_run"])]
    pub check: bool,
    /// With --check, fails when the backup is older than this, such as 26h.
    #[arg(long, value_name = "AGE", requires = "check", value_parser = humantime::parse_duration)]
    pub max_age: Option<Duration>,
    /// How long to wait for a server that is away, such as during a failover.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub patience: Duration,
}

const EXAMPLES: &str = "Examples:
  redstart restore monday.rsb --check --max-age 26h    is last night's backup there, and whole?
  redstart restore monday.rsb --dry-run                what would be written?
  redstart restore monday.rsb                          put everything back that is not there
  redstart restore monday.rsb -n session --overwrite   sessions only, whatever is there now
  redstart --prefix stage restore monday.rsb --revive  under another prefix, with all TTLs begun anew";

/// What is to become of keys that are there with other values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Clash {
    Refuse,
    Keep,
    Overwrite,
}

/// A restore under way.
pub(crate) struct Restoring<'a> {
    store: &'a Store,
    archive: Archive,
    chosen: Chosen,
    clash: Clash,
    patience: Patience,
    /// By how many milliseconds the server's clock is ahead of this machine's.
    ahead: i64,
    /// What is added to every end, in milliseconds.
    revival: u64,
    servers: Vec<Identified>,
}

/// Runs the subcommand.
///
/// # Errors
///
/// Fails when the file is not whole, when the server can't be asked, and when keys are in the way.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let store = server.store();
    let archive = open(args, console)?;
    if args.check {
        return check(args, &archive, console);
    }
    let store = store?;
    needs_server(&store)?;
    let progress = console.progress(None, "comparing");
    let restored = or_interrupted(restore(&store, args, archive, &progress, console)).await;
    drop(progress);
    let restored = restored.map_err(|interrupted| {
        Failure::from(interrupted)
            .with_remedy("what was written stays; run the same command again, and it goes on")
    })??;
    console.answer(&restored, show_restored)?;
    Ok(if restored.is_well() { Exit::Fine } else { Exit::Found })
}

fn open(args: &Args, console: &Console) -> Result<Archive, Failure> {
    let progress = console.progress(Some(0), "checking the file");
    let archive = Archive::open(&args.file, |at, of| {
        progress.of(of);
        progress.at(at);
    });
    Ok(archive?)
}

fn check(args: &Args, archive: &Archive, console: &Console) -> Result<Exit, Failure> {
    let now = redstart_connection::Clock::system().now().as_millis();
    let checked = Checked::of(&args.file, archive, now, args.max_age);
    console.answer(&checked, show_checked)?;
    Ok(if checked.is_too_old { Exit::Found } else { Exit::Fine })
}

async fn restore(
    store: &Store,
    args: &Args,
    archive: Archive,
    progress: &Progress,
    console: &Console,
) -> Result<Restored, Failure> {
    let began = store.clock().instant();
    let mut restoring = Restoring::prepare(store, args, archive).await?;
    let mut restored = Restored::new(&args.file, restoring.archive.header(), store);
    progress.of(restoring.archive.totals().keys);
    let before = restoring.compare(|keys| progress.at(keys)).await?;
    let in_the_way = before.different;
    restored.before = before;
    restored.notes = restoring.notes();
    restored.is_dry = args.dry_run;
    if !args.dry_run {
        if in_the_way > 0 && !restoring.settle_clash(&restored, console)? {
            return Err(refusal(&restored));
        }
        progress.say("restoring");
        restored.written = restoring.write(|keys| progress.at(keys)).await?;
        progress.say("reading back");
        restored.after = Some(restoring.compare(|keys| progress.at(keys)).await?);
        restored.keeps = restoring.clash == Clash::Keep;
    }
    let took = store.clock().instant().duration_since(began);
    restored.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(restored)
}

impl<'a> Restoring<'a> {
    async fn prepare(store: &'a Store, args: &Args, archive: Archive) -> Result<Self, Failure> {
        let patience = Patience(args.patience);
        let chosen = choose(&args.selection, archive.header())?;
        let servers = identify(store, patience).await?;
        let mut aheads: Vec<_> = servers.iter().filter_map(|server| server.ahead).collect();
        aheads.sort_unstable();
        let ahead = aheads.get(aheads.len() / 2).copied().unwrap_or(0);
        let age = store.clock().now().as_millis().saturating_sub(archive.header().begun_at);
        let clash = match (args.overwrite, args.keep) {
            (true, _) => Clash::Overwrite,
            (_, true) => Clash::Keep,
            _ => Clash::Refuse,
        };
        let revival = if args.revive { age } else { 0 };
        Ok(Self { store, archive, chosen, clash, patience, ahead, revival, servers })
    }

    /// Whether it may go on although keys are in the way; asks, where that was not said beforehand.
    fn settle_clash(&mut self, restored: &Restored, console: &Console) -> Result<bool, Failure> {
        if self.clash == Clash::Refuse && console.is_attended() && !console.says_yes() {
            let question = format!("{} keys hold other values. Replace them?", restored.before.different);
            if console.confirm(&question)? {
                self.clash = Clash::Overwrite;
            }
        }
        Ok(self.clash != Clash::Refuse)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let aheads = || self.servers.iter().filter_map(|server| server.ahead);
        if let (Some(least), Some(most)) = (aheads().min(), aheads().max())
            && most - least > 1_000
        {
            let apart = most - least;
            notes.push(format!("the servers' clocks are {apart} ms apart; TTLs follow the middle one"));
        }
        if self.servers.iter().any(|server| server.ahead.is_none()) {
            notes.push("a server does not tell its time: TTLs follow this machine's clock".to_owned());
        }
        notes
    }
}

/// Everything in the file unless something was said; locks that are in it were wanted.
fn choose(selection: &Selection, header: &Header) -> Result<Chosen, Failure> {
    let has_locks = header.left_out.is_empty();
    Selection { with_locks: selection.with_locks || has_locks, ..selection.clone() }.choose()
}

fn refusal(restored: &Restored) -> Failure {
    let Compared { different, examples, .. } = &restored.before;
    Failure::found(format!(
        "{different} keys hold other values than the backup, such as {}; nothing was written",
        examples.join(", ")
    ))
    .with_remedy("say --overwrite to replace them, --keep to leave them; --dry-run says more")
}
