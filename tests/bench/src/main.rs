//! Benchmarks against floors: what each layer costs beyond the least that could do its work.
//!
//! A *floor* is what a careful programmer would write without this toolkit, on the same server in the same
//! run. Contestants alternate in short slices inside a round, and only ratios inside one round are believed:
//! on a shared machine a figure alone says more about the neighbours than about the code.
//!
//! - `door`: commands through the store's door, against redis-rs's multiplexed connection.
//! - `added`: the nanoseconds that the door adds to a step which answers at once.
//! - `l1`: a hit in the process's own tier of the cache, against moka, foyer, cached and cachet.
//! - `cache`: hits of the store and batches, against redis-rs; stampedes and coherence, beside other caches.
//! - `rate`: a rate check that is allowed, against the leanest script that could do it.
//! - `limits`: limits without a round trip, against governor, and the algorithms beside each other.
//! - `lock`: a lock's cycle and its hand-off, against redis-rs, a BLPOP token, rslock and redlock on Node.

mod child;
mod clock;
mod contest;
mod item;
mod judge;
mod load;
mod pin;
mod report;
mod server;
mod statistics;
mod usage;
mod workloads;

use std::{
    error::Error,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;

use crate::{contest::Plan, judge::Verdict, report::Report, workloads::Workload};

/// What a step answers: it is done, or why it is not.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Measures the toolkit against its floors and judges the budgets.
#[derive(Debug, Parser)]
#[command(name = "redstart-bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// A look in a minute: few rounds and short slices, which leave every budget unresolved.
    #[arg(long)]
    quick: bool,

    /// Measures this workload alone; may be given several times.
    #[arg(long, value_name = "WORKLOAD")]
    only: Vec<Workload>,

    /// How many rounds; fewer than 15 leave every budget unresolved.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,

    /// Is one of the processes of `cache`, which starts it itself, on this server.
    #[arg(long, hide = true, num_args = 2, value_names = ["PART", "URL"])]
    attend: Option<Vec<String>>,

    /// Writes the judged ratios to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("{missed} budgets are missed");
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("failed: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports; answers how many budgets are missed.
fn run(Arguments { quick, only, rounds, attend, json }: &Arguments) -> Result<usize> {
    if let Some([part, url]) = attend.as_deref() {
        return workloads::attend(part, url).map(|()| 0);
    }
    let plan = if *quick { Plan::quick() } else { Plan::full() };
    let plan = rounds.map_or(plan, |rounds| plan.with_rounds(rounds));
    if cfg!(debug_assertions) {
        eprintln!("built without optimisation: the figures mean nothing, use `cargo xtask bench`");
    }
    let mut report = Report::begin(&plan);
    for workload in Workload::ALL.into_iter().filter(|workload| only.is_empty() || only.contains(workload)) {
        workload.measure(&plan, &mut report)?;
    }
    write!(io::stdout().lock(), "{report}")?;
    if let Some(path) = json {
        let mut file = BufWriter::new(
            File::create(path).map_err(|error| format!("{} can't be written: {error}", path.display()))?,
        );
        serde_json::to_writer_pretty(&mut file, &report.records())?;
        writeln!(file)?;
        file.flush()?;
    }
    Ok(report.count(Verdict::No))
}
