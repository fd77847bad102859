//! `redstart load`: what a server or a service is like under so many calls a second.
//!
//! The engine is an open loop: calls start when they are due, whatever became of those before, and their
//! response times count from then.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use redstart_cli::load::{Scenario, Stage, StoreWork, run_load};
//! use redstart_connection::Store;
//!
//! # #[tokio::main] async fn main() -> std::io::Result<()> {
//! let scenario = Scenario::of(vec![Stage::steady(100.0, Duration::from_millis(200))]);
//! let store = Store::memory();
//! let work = Arc::new(StoreWork::new(&store, &scenario.mix.steps, scenario.keys.count, scenario.sizes));
//! let loaded = run_load(&scenario, &work, Some(&store), "memory", std::future::pending(), |_| {}).await?;
//! assert_eq!((loaded.outcome.starts.planned, loaded.outcome.failed()), (20, 0));
//! # Ok(()) }
//! ```

mod args;
mod choice;
mod compare;
mod engine;
mod file;
mod generator;
mod hdr_log;
mod live;
mod mix;
mod outcome;
mod pacer;
mod page;
mod record;
mod scenario;
mod spread;
mod stage;
mod text;
mod threshold;
mod watch;
mod work;

use std::{fs, path::Path, sync::Arc};

use redstart_connection::Store;
use redstart_monitor::HttpTarget;
use serde::Serialize;

pub(crate) use self::record::histogram;
pub use self::{
    args::Args,
    choice::{Choice, Keys, Sizes},
    compare::{Change, Measure, Trend, compare},
    engine::{Interval, Loaded, run as run_load},
    file::InvalidScenario,
    generator::{Generator, Verdict},
    mix::{Mix, Request, Step},
    outcome::{Failure as FailureClass, Memory, Outcome, Pool, Second, Setting, Starts, StepOutcome, Use},
    scenario::{PRESETS, Scenario},
    spread::Spread,
    stage::{Plan, Stage},
    threshold::{Judgement, Threshold},
    work::{Answer, HttpWork, StoreWork, Work},
};
use self::{live::Live, outcome::SCHEMA_VERSION};
use crate::{Console, Exit, Failure, Server, files, interrupt::interrupted};

/// What is printed as JSON: the outcome, and how it compares.
#[derive(Debug, Serialize)]
struct Answered<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a [Change]>,
}

/// Makes the calls, and says what came of them.
///
/// # Errors
///
/// Fails when the scenario, the target or a file is wrong, or the server does not answer at the beginning.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let scenario = args.scenario()?;
    let baseline = args.baseline.as_deref().map(read).transpose()?;
    let loaded = match &args.target {
        Some(address) => on_service(args, address, &scenario, server, console).await?,
        None => on_store(&scenario, server, console).await?,
    };
    let outcome = &loaded.outcome;
    let changes = baseline.as_ref().map(|baseline| compare(baseline, outcome));
    save(args, &loaded, changes.as_deref())?;
    let answered = Answered { outcome, passed: outcome.passed(), changes: changes.as_deref() };
    console.answer(&answered, |console, answered| {
        console.line(&text::page(answered.outcome, answered.changes))
    })?;
    Ok(match (outcome.interrupted, outcome.passed()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Fine,
        (false, false) => Exit::Found,
    })
}

/// A load on the store, under a prefix of its own, which is swept afterwards.
async fn on_store(scenario: &Scenario, server: &Server, console: &Console) -> Result<Loaded, Failure> {
    let config = server.config()?;
    let store = StoreWork::store(&config)?;
    let (steps, keys) = (&scenario.mix.steps, scenario.keys.count);
    if steps.is_empty() {
        return Err(Failure::usage(format!(
            "scenario {:?} makes requests and names no service",
            scenario.name
        ))
        .with_remedy("name it with --target http://127.0.0.1:3000, or give the scenario a [mix]"));
    }
    if store.is_memory() {
        console.note("no server is configured: this is the embedded store in this process");
        if steps.iter().any(|(step, _)| *step == Step::Incr) {
            return Err(Failure::usage("the step incr needs a server, and none is configured"));
        }
    }
    let store = scenario.deadline.map_or_else(|| store.clone(), |deadline| store.within(deadline));
    let work = Arc::new(StoreWork::new(&store, steps, keys, scenario.sizes));
    let loaded = Box::pin(on_work(scenario, &work, &store, console)).await;
    // However it ended, nothing stays behind.
    if let Err(error) = Box::pin(work.clean_up(&config)).await {
        console.note(&format!("what the load has stored was not removed, and goes by itself: {error}"));
    }
    loaded
}

async fn on_work(
    scenario: &Scenario,
    work: &Arc<StoreWork>,
    store: &Store,
    console: &Console,
) -> Result<Loaded, Failure> {
    let keys = scenario.keys.count;
    let progress = console.progress(Some(keys), "filling the keys");
    let fill = Box::pin(work.fill(scenario.sizes.least, |filled| progress.at(filled.min(keys))));
    crate::or_interrupted(fill).await??;
    drop(progress);
    carry_out(scenario, work, Some(store), store.describe(), console).await
}

/// A load on a service behind HTTP; where a server is configured too, its memory is looked at.
async fn on_service(
    args: &Args,
    address: &str,
    scenario: &Scenario,
    server: &Server,
    console: &Console,
) -> Result<Loaded, Failure> {
    let target = HttpTarget::new(address, args.connections).map_err(|why| Failure::usage(why.to_string()))?;
    let requests = if scenario.mix.requests.is_empty() {
        Mix::of_paths(&args.paths)
    } else {
        scenario.mix.requests.clone()
    };
    let deadline = scenario.deadline.unwrap_or(args.patience);
    let work = HttpWork::new(target, &requests, scenario.sizes, deadline);
    work.greet().await?;
    let store = server.store()?;
    let watched = (!store.is_memory()).then_some(&store);
    Box::pin(carry_out(scenario, &Arc::new(work), watched, address, console)).await
}

async fn carry_out<W: Work>(
    scenario: &Scenario,
    work: &Arc<W>,
    watched: Option<&Store>,
    target: &str,
    console: &Console,
) -> Result<Loaded, Failure> {
    let mut live = Live::new(console, scenario);
    let loaded =
        Box::pin(run_load(scenario, work, watched, target, interrupted(), |second| live.show(second))).await;
    loaded.map_err(|error| Failure::found(format!("the load could not be started: {error}")))
}

/// Writes the files that were asked for.
fn save(args: &Args, loaded: &Loaded, changes: Option<&[Change]>) -> Result<(), Failure> {
    let outcome = &loaded.outcome;
    if let Some(path) = &args.out {
        let answered = Answered { outcome, passed: outcome.passed(), changes };
        files::write_json(path, &answered)?;
    }
    if let Some(path) = &args.html {
        files::write(path, page::page(outcome, changes)?.as_bytes())?;
    }
    if let Some(path) = &args.hdr {
        let mut log = Vec::new();
        loaded.write_hdr_log(&mut log)?;
        files::write(path, &log)?;
    }
    Ok(())
}

/// Reads an outcome that an earlier load has saved.
fn read(path: &Path) -> Result<Outcome, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{}: {why}", path.display()))
            .with_remedy("name a file that `redstart load --out FILE` has written")
    };
    let text = fs::read(path).map_err(|error| wrong(&error))?;
    let outcome: Outcome = serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
    if outcome.schema_version != SCHEMA_VERSION {
        return Err(wrong(&format!(
            "it is of form {}, and this reads {SCHEMA_VERSION}",
            outcome.schema_version
        )));
    }
    Ok(outcome)
}
