//! `cargo xtask faults`: every fault on every topology.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use crate::{
    Result, cell,
    clock::now,
    fault::{Fault, Topology},
    judge, machine,
    report::Report,
    thousand,
};

/// The page that `--write` writes.
const PAGE: &str = "../../docs/reference/faults.md";

/// Options of `faults`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Stages this fault alone; may be given several times.
    #[arg(long, value_name = "FAULT")]
    only: Vec<Fault>,

    /// Stages on this topology alone; may be given several times.
    #[arg(long)]
    topology: Vec<Topology>,

    /// Leaves out the thousand faults under one counter.
    #[arg(long)]
    without_thousand: bool,

    /// Writes what was found to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Writes docs/reference/faults.md.
    #[arg(long)]
    write: bool,
}

/// Stages and reports; answers how many bounds are missed.
pub(crate) async fn run(runtime: &Runtime, arguments: &Arguments) -> Result<usize> {
    let Arguments { only, topology, without_thousand, json, write } = arguments;
    let faults = chosen(only);
    let topologies = chosen(topology);
    let thousand = !without_thousand && only.is_empty() && topologies.contains(&Topology::Standalone);
    let rows = faults.len() * topologies.len();
    eprintln!(
        "{rows} runs of about 12 seconds: {} minutes; load average {}",
        rows / 5 + 1,
        machine::load_average()
    );
    let mut report = Report::begin();
    let mut number = 0;
    for topology in topologies {
        for &fault in &faults {
            number += 1;
            if let Some(why) = fault.left_out(topology) {
                eprintln!("[{number}/{rows}] {fault}, {topology}: left out: {why}");
                report.left_out.push(format!("{fault}, {topology}: {why}"));
                continue;
            }
            let began = now();
            // The harness fails on the spot; the other cells are to be measured all the same.
            let run = AssertUnwindSafe(cell::run(runtime, fault, topology)).catch_unwind().await;
            let misses = match run {
                Ok(Ok(run)) => {
                    let misses = judge::misses(&run, fault, topology);
                    report.runs.push(run);
                    misses
                }
                Ok(Err(reason)) => vec![format!("{fault}, {topology}: the run failed: {reason}")],
                Err(_) => vec![format!("{fault}, {topology}: the run panicked, see above")],
            };
            let took = (now() - began).as_secs_f64();
            let verdict = if misses.is_empty() { "holds" } else { "MISSED" };
            eprintln!("[{number}/{rows}] {fault}, {topology}: {verdict} ({took:.1} s)");
            misses.iter().for_each(|miss| eprintln!("    {miss}"));
            report.misses.extend(misses);
        }
    }
    if thousand {
        let found = thousand::run(runtime).await?;
        eprintln!("{found}");
        report.misses.extend(found.misses());
        report.thousand = Some(found);
    }
    report.end();
    write!(io::stdout().lock(), "{report}")?;
    if let Some(path) = json {
        let file =
            File::create(path).map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        let mut file = BufWriter::new(file);
        serde_json::to_writer_pretty(&mut file, &report)?;
        writeln!(file)?;
        file.flush()?;
    }
    if *write {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), report.page())?;
        eprintln!("docs/reference/faults.md is written");
    }
    Ok(report.misses.len())
}

/// What was asked for, or everything.
fn chosen<T: ValueEnum>(named: &[T]) -> Vec<T> {
    if named.is_empty() { T::value_variants().to_vec() } else { named.to_vec() }
}
