//! `cargo xtask soak`: one fault after another under load, and the sums must be right every time.

mod plan;
mod stretch;

use std::{
    io::{self, Write},
    panic::AssertUnwindSafe,
    time::Duration,
};

use fastrand::Rng;
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use self::{plan::stretches, stretch::Soaked};
use crate::{Result, fault::Topology, machine};

/// Options of `soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long to go on, over all topologies together.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,

    /// Stays on this topology; may be given several times. Without it all have their turn.
    #[arg(long)]
    topology: Vec<Topology>,

    /// Repeats the faults and the pauses of the run that printed this number.
    #[arg(long)]
    seed: Option<u64>,
}

/// Strikes and judges until the time is up; answers how many bounds are missed.
pub(crate) async fn run(runtime: &Runtime, arguments: &Arguments) -> Result<usize> {
    let Arguments { minutes, topology, seed } = arguments;
    let seed = seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let mut dice = Rng::with_seed(seed);
    let stretches = stretches(topology);
    let length = Duration::from_secs(60 * u64::from(*minutes)) / u32::try_from(stretches.len())?;
    eprintln!(
        "{minutes} min in {} stretches of {} s, --seed {seed}; load average {}",
        stretches.len(),
        length.as_secs(),
        machine::load_average()
    );
    let mut missed = 0;
    for stretch in stretches {
        eprintln!("\n{stretch}");
        // The harness fails on the spot; the other stretches are to be run all the same.
        let run = AssertUnwindSafe(stretch.run(runtime, length, &mut dice)).catch_unwind().await;
        let soaked = match run {
            Ok(Ok(soaked)) => soaked,
            Ok(Err(reason)) => Soaked::failed(reason.to_string()),
            Err(_) => Soaked::failed("it panicked, see above".to_owned()),
        };
        missed += soaked.misses.len();
        let mut out = io::stdout().lock();
        writeln!(out, "{stretch}: {soaked}")?;
        for miss in &soaked.misses {
            writeln!(out, "  MISSED {miss}")?;
        }
    }
    Ok(missed)
}
