//! Faults on purpose: what each does to each kind of work, on real servers, with numbers.
//!
//! - `matrix`: every fault on a standalone server, under sentinels and in a cluster, while a cache reads, a
//!   counter counts, locks are taken and a stream is followed; the promised bounds are judged.
//! - `soak`: one fault after another at random under load, for as long as you like.
//! - `outage`: what a service behind rate limits loses when the server of the limits swallows everything.
//!
//! The load has a runtime of its own; servers, proxies and faults are driven from another, so that breaking
//! things slows down nobody.

mod cell;
mod clock;
mod fault;
mod inject;
mod judge;
mod load;
mod machine;
mod matrix;
mod outage;
mod record;
mod report;
mod resources;
mod site;
mod soak;
mod sockets;
mod stage;
mod thousand;

use std::{alloc::System, error::Error, process::ExitCode};

use cap::Cap;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// Counts what lives on the heap.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// What a step answers: it is done, or why it is not.
type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Breaks servers and connections, and measures what the toolkit makes of it.
#[derive(Debug, Parser)]
#[command(name = "redstart-faults", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Run {
    /// Every fault on every topology, with the promised bounds judged.
    #[command(name = "faults")]
    Matrix(matrix::Arguments),
    /// Random faults under load for minutes.
    Soak(soak::Arguments),
    /// A service behind rate limits whose server swallows everything.
    Outage,
}

fn main() -> ExitCode {
    let Arguments { run } = Arguments::parse();
    if cfg!(debug_assertions) {
        eprintln!("built without optimisation: the figures mean little, use `cargo xtask`");
    }
    let missed = runtimes().and_then(|(control, load)| {
        let missed = control.block_on(async {
            match &run {
                Run::Matrix(arguments) => matrix::run(&load, arguments).await,
                Run::Soak(arguments) => soak::run(&load, arguments).await,
                Run::Outage => outage::run(&load).await,
            }
        });
        // A runtime may not be waited for from within another.
        load.shutdown_background();
        missed
    });
    match missed {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("{missed} bounds are missed");
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("failed: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// One that breaks things, and one that is to bear it.
fn runtimes() -> Result<(Runtime, Runtime)> {
    let runtime =
        |name: &str| Builder::new_multi_thread().worker_threads(2).thread_name(name).enable_all().build();
    Ok((runtime("control")?, runtime("load")?))
}
