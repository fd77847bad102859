//! The promotion gate from the command line: may a release go on?
//!
//! `cargo xtask gate --prometheus http://127.0.0.1:9090 --job shop --stage last`
//!
//! It ends with 0 when every criterion holds, with 1 when one does not, and with 2 when the question itself
//! makes no sense.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use redstart::monitor::{Criteria, Evidence};

/// Judges by the metrics of instances, or by a Prometheus, whether a release may go on.
#[derive(Debug, Parser)]
#[command(name = "gate", bin_name = "cargo xtask gate")]
struct Arguments {
    /// The file of the criteria; without it, those of the toolkit.
    #[arg(long, value_name = "FILE")]
    criteria: Option<PathBuf>,

    /// Takes the hold time of this stage of the file.
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,

    /// An instance whose metrics are watched for the hold time; may be given several times.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "prometheus")]
    instance: Vec<String>,

    /// How many seconds lie between two readings of an instance.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    every: u64,

    /// A Prometheus that has watched them.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "instance")]
    prometheus: Option<String>,

    /// The job whose metrics count there; without it, all.
    #[arg(long, value_name = "JOB", requires = "prometheus")]
    job: Option<String>,

    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("gate: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Prints the answer; answers whether the release may go on.
async fn run(arguments: Arguments) -> Result<bool, String> {
    let Arguments { criteria, stage, instance, every, prometheus, job, json } = arguments;
    let mut criteria = match criteria {
        None => Criteria::default(),
        Some(file) => {
            let shown = file.display();
            let text = fs::read_to_string(&file).map_err(|error| format!("{shown}: {error}"))?;
            Criteria::parse(&text).map_err(|error| format!("{shown}: {error}"))?
        }
    };
    if let Some(stage) = stage {
        criteria = criteria.at_stage(&stage).map_err(|error| error.to_string())?;
    }
    let evidence = match prometheus {
        Some(address) => Evidence::of_prometheus(&address, job.as_deref()),
        None => {
            Evidence::of_instances(instance.iter().map(String::as_str), Duration::from_secs(every.max(1)))
        }
    };
    let evidence = evidence.map_err(|error| error.to_string())?;
    let mut told = 0;
    let report = criteria.judge(&evidence, |passed| {
        let tenths = (passed * 10.0).floor();
        if tenths > f64::from(told) {
            told += 1;
            eprintln!("{:.0} % of the time has passed", passed * 100.0);
        }
    });
    let report = report.await;
    let text = if json {
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?
    } else {
        report.to_string()
    };
    // Whoever reads may go away before the end, which is no reason to panic.
    let _written = writeln!(std::io::stdout(), "{text}");
    Ok(report.is_go())
}
