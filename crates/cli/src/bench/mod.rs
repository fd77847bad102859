//! `redstart bench`: how much a server bears, for choosing its size, with a grade and the reason for it.

mod closed;
mod grade;
mod mix;
mod page;
mod place;
mod pressure;
mod sweep;
mod text;
mod tiers;

use std::{path::PathBuf, time::Duration};

use redstart_monitor::Grade;
use serde::Serialize;

use self::place::Place;
pub use self::{
    grade::{Criterion, Graded},
    mix::{MixRow, Mixed},
    pressure::{Phase, Pressed},
    sweep::{Swept, SweptRow},
    tiers::{Tier, Tiers},
};
use crate::{Console, Exit, Failure, Server, files, load::StoreWork, or_interrupted};

/// Measures tiers, concurrency, memory pressure and a real-world mix, and grades what it found.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
#[non_exhaustive]
pub struct Args {
    /// Only these parts, separated by commas.
    #[arg(long, value_name = "PARTS", value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// How long each measurement lasts.
    #[arg(long = "for", value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub lasts: Duration,
    /// Measures a disposable server of this machine, whatever is configured.
    #[arg(long)]
    pub disposable: bool,
    /// Fills the memory of the configured server too; what else is stored there may be evicted.
    #[arg(long, conflicts_with = "disposable")]
    pub fill: bool,
    /// Saves the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Saves a page with charts, which needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// How long the calls may take that were under way when it was interrupted.
const SETTLING: Duration = Duration::from_millis(250);

const AFTER_HELP: &str = "\
Without a configured server, a disposable one is started on this machine and removed afterwards.
Memory is filled on a disposable server only, unless --fill names the configured one and that is confirmed.

  redstart bench --disposable                 what this machine could bear
  redstart bench --url redis://staging:6379   what that server bears, but for its memory
  redstart bench --only mix --for 10s         the rate that a real-world mix can have";

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Part {
    /// Each tier and each kind of call by itself.
    Tiers,
    /// Reads by 1 to 1024 callers at once.
    Sweep,
    /// Writes into a memory that is full.
    Memory,
    /// A real-world mix at rising rates.
    Mix,
}

/// What a server bears.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Benchmark {
    /// The form of this document.
    pub schema_version: u32,
    /// What was measured, without secrets.
    pub target: String,
    /// Each tier and each kind of call by itself.
    pub tiers: Option<Tiers>,
    /// Reads by more and more callers at once.
    pub sweep: Option<Swept>,
    /// Writes into a memory that is full.
    pub memory: Option<Pressed>,
    /// A real-world mix at rising rates.
    pub mix: Option<Mixed>,
    /// The grades of the parts.
    pub grades: Vec<Graded>,
    /// The grade of the whole: that of its weakest part; none when nothing was measured.
    pub grade: Option<Grade>,
    /// Why it is that.
    pub reason: String,
}

/// Measures, and says what came of it.
///
/// # Errors
///
/// Fails when there is no server, it does not answer, or nobody consents to what would fill it.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    if args.lasts.is_zero() {
        return Err(Failure::usage("--for 0s measures nothing; right would be a time such as 2s"));
    }
    let place = Place::find(args, server, console)?;
    if args.fill && !(args.only.is_empty() || args.only.contains(&Part::Memory)) {
        return Err(Failure::usage(
            "--fill has no part to serve; right would be --only memory, or no --only",
        ));
    }
    let measured = or_interrupted(Box::pin(measure(args, &place, console))).await;
    if !matches!(measured, Ok(Ok(_))) {
        // Nothing stays behind of what was under way; the last calls have to end first.
        tokio::time::sleep(SETTLING).await;
        if let Err(error) = Box::pin(StoreWork::sweep(place.config())).await {
            console.note(&format!("what was stored was not removed, and goes by itself: {error}"));
        }
    }
    let benchmark = measured??;
    if let Some(path) = &args.out {
        files::write_json(path, &benchmark)?;
    }
    if let Some(path) = &args.html {
        files::write(path, page::page(&benchmark)?.as_bytes())?;
    }
    console.answer(&benchmark, |console, benchmark| console.line(&text::page(benchmark)))?;
    Ok(if benchmark.grade == Some(Grade::F) { Exit::Found } else { Exit::Fine })
}

async fn measure(args: &Args, place: &Place, console: &Console) -> Result<Benchmark, Failure> {
    let is_wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let mut benchmark = Benchmark {
        schema_version: 1,
        target: place.shown().to_owned(),
        tiers: None,
        sweep: None,
        memory: None,
        mix: None,
        grades: Vec::new(),
        grade: None,
        reason: String::new(),
    };
    let config = place.config();
    if is_wanted(Part::Tiers) {
        benchmark.tiers = Some(Box::pin(tiers::measure(config, args.lasts, console)).await?);
    }
    if is_wanted(Part::Sweep) {
        benchmark.sweep = Some(Box::pin(sweep::measure(config, args.lasts, console)).await?);
    }
    if is_wanted(Part::Mix) {
        benchmark.mix = Some(Box::pin(mix::measure(config, args.lasts, console)).await?);
    }
    if is_wanted(Part::Memory) {
        benchmark.memory =
            Some(Box::pin(pressure::measure(&place.to_fill(args, console)?, args.lasts, console)).await?);
    }
    benchmark.judge();
    Ok(benchmark)
}
