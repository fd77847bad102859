//! The arguments of `redstart load`.

use std::{fs, path::PathBuf, time::Duration};

use super::{Keys, Scenario, Threshold, scenario::PRESETS};
use crate::Failure;

/// Makes so many calls a second, and says what came of them.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
#[non_exhaustive]
pub struct Args {
    /// baseline, peak, sustained, spike, ramp, or a file of one's own (docs/cli/load.md).
    #[arg(default_value = "baseline", value_name = "SCENARIO")]
    pub scenario: String,
    /// Loads a service behind HTTP, such as http://127.0.0.1:3000, instead of Redis.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Path that is asked of the service, once or more; {id} stands for the number of a key, from 1.
    #[arg(long = "path", value_name = "PATH", default_value = "/", requires = "target")]
    pub paths: Vec<String>,
    /// Connections to the service that are open at once.
    #[arg(long, value_name = "COUNT", default_value_t = 256, requires = "target")]
    pub connections: usize,
    /// How long a request to the service may take.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, requires = "target")]
    pub patience: Duration,
    /// Highest rate of starts a second; the shape of the scenario stays.
    #[arg(long, value_name = "RATE")]
    pub rate: Option<f64>,
    /// How long it lasts in all; the shape of the scenario stays.
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub lasts: Option<Duration>,
    /// How many keys there are.
    #[arg(long, value_name = "COUNT")]
    pub keys: Option<u64>,
    /// Exponent of Zipf's law: 0 for keys that are all alike.
    #[arg(long, value_name = "EXPONENT")]
    pub zipf: Option<f64>,
    /// Calls that may be under way at once; what is due beyond is dropped and counted.
    #[arg(long, value_name = "COUNT")]
    pub in_flight: Option<usize>,
    /// What must hold, once or more: p99<25ms, errors<0.1%, hit_rate>80%, rate>99%, dropped<1, growth<50mb.
    #[arg(long = "threshold", value_name = "BOUND")]
    pub thresholds: Vec<Threshold>,
    /// Begins chance here: the same seed makes the same calls.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Saves the outcome as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Saves a page with charts, which needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Saves the response times of every second as a log of HdrHistogram.
    #[arg(long, value_name = "FILE")]
    pub hdr: Option<PathBuf>,
    /// Compares with the outcome of an earlier load.
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Calls start when they are due, whatever became of those before; response times count from then.
What a load writes stands behind the prefix redstart-load and is removed afterwards.

  redstart load                                       what is it like on an ordinary day
  redstart load spike --html spike.html               does it recover; a page to send to a colleague
  redstart load peak --threshold 'p99<25ms'           exits with 1 when that does not hold
  redstart load peak --out new.json --baseline old.json
  redstart load --target http://127.0.0.1:3000 --path /api/v1/products/{id} --rate 200";

impl Args {
    /// The scenario that is meant, with what the other arguments change.
    pub(super) fn scenario(&self) -> Result<Scenario, Failure> {
        let mut scenario = self.named()?;
        if let Some(time) = self.lasts {
            demand(!time.is_zero(), || "--for 0s lasts no time; right would be one such as 30s".to_owned())?;
            scenario = scenario.lasting(time);
        }
        if let Some(rate) = self.rate {
            demand(rate.is_finite() && rate > 0.0, || {
                format!("--rate {rate} is no rate; right would be a positive number of starts a second")
            })?;
            scenario = scenario.at_most(rate);
        }
        let Keys { count, zipf } = scenario.keys;
        scenario.keys = Keys::new(self.keys.unwrap_or(count), self.zipf.unwrap_or(zipf));
        scenario.keys.check().map_err(Failure::usage)?;
        if let Some(most) = self.in_flight {
            demand(most > 0, || "--in-flight 0 lets nothing start; right would be 1 or more".to_owned())?;
            scenario.most_in_flight = most;
        }
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        scenario.thresholds.extend(self.thresholds.iter().cloned());
        Ok(scenario)
    }

    fn named(&self) -> Result<Scenario, Failure> {
        if let Some(preset) = Scenario::preset(&self.scenario) {
            return Ok(preset);
        }
        let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
        let path = std::path::Path::new(&self.scenario);
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!(
                "{:?} is neither a scenario ({}) nor a file: {error}",
                self.scenario,
                names.join(", ")
            ))
        })?;
        let name = path
            .file_stem()
            .map_or_else(|| self.scenario.clone(), |stem| stem.to_string_lossy().into_owned());
        Scenario::from_toml(&name, &text)
            .map_err(|wrong| Failure::usage(format!("{}:\n{wrong}", self.scenario)))
    }
}

fn demand(holds: bool, problem: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::usage(problem())) }
}
