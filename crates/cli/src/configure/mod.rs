//! `redstart configure`: the server as it should be, shown as a diff, applied, read back.

mod apply;
mod page;
mod plan;
mod profile;
mod sharing;
mod target;

use redstart_connection::{Config, Preset, Store};
use serde::Serialize;

pub use self::{
    plan::{Difference, Plan, Setting},
    profile::{Desired, Profile, Size},
    target::Target,
};
use crate::{Console, Exit, Failure, Server, interrupt::interrupted};

/// Arguments of `configure`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  redstart configure --for cache --check     says what differs, changes nothing, ends with 1 if anything does
  redstart configure --for cache             asks before it changes something
  redstart configure --for coordination --coordination --yes
  redstart --environment production configure --for cache --maxmemory 4gb --yes
  redstart configure --for both              one server for caches and locks: it must not evict

What is set:
                     cache         coordination, both
  maxmemory          256mb, in production 2gb
  maxmemory-policy   allkeys-lru   noeviction
  save               300 1         a snapshot every 300 s, if anything has changed
  appendonly         yes           with appendfsync everysec: a crash loses one second at most

Every server is set: the owners of a cluster and all replicas, since each may be the primary tomorrow.
What was set is read back; where one server refuses, those before it get their old settings again.")]
#[non_exhaustive]
pub struct Args {
    /// What the server is for.
    #[arg(long = "for", value_enum, value_name = "PROFILE")]
    pub profile: Profile,
    /// Bound of the memory, such as 512mb; instead of REDIS_MAX_MEMORY, or else 256mb, and 2gb in production.
    #[arg(long, value_name = "SIZE")]
    pub maxmemory: Option<Size>,
    /// Leaves out snapshots and the append-only file.
    #[arg(long)]
    pub without_persistence: bool,
    /// The second server, for locks, limits and state (REDIS_COORDINATION_URL).
    #[arg(long)]
    pub coordination: bool,
    /// Lets a server evict that keeps locks, limits or jobs too: they may be lost at any time.
    #[arg(long)]
    pub consent_to_eviction: bool,
    /// Changes nothing; ends with 1 when something differs.
    #[arg(long, conflicts_with = "yes")]
    pub check: bool,
    /// Leaves the server's configuration file as it is, so that the next start forgets the changes.
    #[arg(long)]
    pub without_rewrite: bool,
}

/// What differed, and what became of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Outcome {
    /// The server, without secrets.
    pub address: String,
    /// What it is for.
    pub profile: Profile,
    /// Each server with its settings, as they were found.
    pub plan: Plan,
    /// Whether the settings were changed, and read back as they should be.
    pub applied: bool,
    /// Servers whose configuration file could not be written, with the reason.
    pub forgetful: Vec<String>,
}

pub(crate) async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let config = meant(args, server.config()?)?;
    let store = Store::connect(&config).await?;
    let desired = desired(args, &config);
    let plan = Plan::make(&config, &store, &desired).await?;
    let mut outcome = Outcome {
        address: store.describe().to_owned(),
        profile: args.profile,
        plan,
        applied: false,
        forgetful: Vec::new(),
    };
    let done = |outcome: &Outcome| console.answer(outcome, page::outcome);
    if !args.consent_to_eviction && desired.evicts() {
        sharing::refuse(&config, &store, args.coordination).await?;
    }
    outcome.plan.refuse_loss(&desired)?;
    if !outcome.plan.differs() {
        done(&outcome)?;
        return Ok(Exit::Fine);
    }
    if args.check {
        done(&outcome)?;
        return Ok(Exit::Found);
    }
    if !console.says_yes() {
        page::plan(console, &outcome);
    }
    if !console.confirm("Change these settings?")? {
        console.note("nothing was changed");
        return Ok(Exit::Found);
    }
    let applied = apply::apply(&outcome.plan);
    tokio::pin!(applied);
    tokio::select! {
        done = &mut applied => done?,
        // Half of it would be worse than all or nothing, and it takes a moment.
        () = interrupted() => {
            console.note("interrupted: what was begun is brought to its end");
            applied.await?;
        }
    }
    outcome.applied = true;
    if !args.without_rewrite {
        outcome.forgetful = apply::rewrite(&outcome.plan).await;
    }
    done(&outcome)?;
    Ok(Exit::Fine)
}

/// The server that is to be set.
fn meant(args: &Args, config: Config) -> Result<Config, Failure> {
    let config = match config.coordination() {
        Some(second) if args.coordination => second.clone(),
        None if args.coordination => {
            return Err(Failure::usage("--coordination: no second server is named")
                .with_remedy("set REDIS_COORDINATION_URL, or leave --coordination out"));
        }
        _ => config,
    };
    if config.is_memory() {
        return Err(Failure::usage("no server is named, and the embedded store has no settings")
            .with_remedy("name one by --url, or by REDIS_URL"));
    }
    Ok(config)
}

fn desired(args: &Args, config: &Config) -> Desired {
    let preset =
        if config.preset() == Some(Preset::Production) { Size::gibibytes(2) } else { Size::mebibytes(256) };
    let memory = args.maxmemory.or_else(|| config.max_memory().map(Size::from)).unwrap_or(preset);
    Desired::new(args.profile, memory, !args.without_persistence)
}
