//! `redstart report`: how a service or its server performs, what changed since the last report, and what
//! to do.

mod figure;
mod finding;
mod page;
mod server;
mod service;
mod tell;
mod text;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use redstart_connection::Clock;
use redstart_monitor::{Grade, Rfc3339};
use serde::{Deserialize, Serialize};

pub use self::{
    figure::{Direction, Figure, Trended},
    finding::{CommandRow, Finding, Weight},
    tell::Receiver,
};
use crate::{Console, Exit, Failure, Server, files, or_interrupted};

/// Reports how a service or its server performs, what changed, and what to do.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
#[non_exhaustive]
pub struct Args {
    /// Reads the metrics of a running service, such as http://127.0.0.1:3000, instead of asking the server.
    #[arg(long, value_name = "URL")]
    pub service: Option<String>,
    /// How long it is watched, for what is counted over time.
    #[arg(long = "for", value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub lasts: Duration,
    /// Compares with the last report in this file, and keeps this one there.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
    /// Saves a page with charts, which needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Tells a receiver of every warning and worse; REDSTART_ALERT_WEBHOOK keeps its address off the screen.
    #[arg(long, value_name = "URL", env = "REDSTART_ALERT_WEBHOOK", hide_env_values = true)]
    pub alert_webhook: Option<String>,
    /// What the receiver understands.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Receiver::Slack, requires = "alert_webhook")]
    pub alert_format: Receiver,
}

const AFTER_HELP: &str = "\
Exits with 1 when something is critical, so that a job which reports every morning can fail.

  redstart report                                         of the configured server
  redstart report --service http://127.0.0.1:3000         of a running service, from its metrics
  redstart report --keep report.json --html report.html   with what changed since the last one";

/// How a service or its server performs.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Report {
    /// The form of this document.
    pub schema_version: u32,
    /// What is reported of, without secrets.
    pub target: String,
    /// When, as RFC 3339 has it.
    pub at: String,
    /// How long it was watched, in seconds.
    pub watched_seconds: f64,
    /// Whether it answered.
    pub reachable: bool,
    /// 100 without any finding.
    pub score: Option<u8>,
    /// The score as a mark.
    pub grade: Option<String>,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// The commands that took most of the server's time.
    pub commands: Vec<CommandRow>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What to do, in the order of the findings.
    pub recommendations: Vec<String>,
    /// When the last report was made that this one is compared with.
    pub last_at: Option<String>,
    /// What changed since.
    pub trends: Vec<Trended>,
    /// The scores and the most telling figures of earlier reports, the oldest first.
    pub history: Vec<Past>,
}

/// An earlier report, in short.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Past {
    /// When, as RFC 3339 has it.
    pub at: String,
    /// Its score.
    pub score: Option<u8>,
    /// Its figures, by their names.
    pub figures: std::collections::BTreeMap<String, f64>,
}

const SCHEMA_VERSION: u32 = 1;
/// So many earlier reports are kept: a quarter of a year of mornings.
const LONGEST_HISTORY: usize = 90;

/// Watches, and says how it performs.
///
/// # Errors
///
/// Fails when an address or a file is wrong, or there is nobody to ask.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let receiver = args.alert_webhook.as_deref().map(|address| args.alert_format.at(address)).transpose()?;
    let last = args.keep.as_deref().map(read).transpose()?.flatten();
    let looking = async {
        match &args.service {
            Some(address) => service::report(address, args.lasts, console).await,
            None => server::report(server, args.lasts, console).await,
        }
    };
    let mut report = or_interrupted(Box::pin(looking)).await??;
    report.schema_version = SCHEMA_VERSION;
    report.at = Rfc3339::from(Clock::system().now()).to_string();
    report.compare(last.as_ref());
    if let Some(path) = &args.keep {
        files::write_json(path, &report)?;
    }
    if let Some(path) = &args.html {
        files::write(path, page::page(&report)?.as_bytes())?;
    }
    if let Some(receiver) = &receiver {
        tell::tell(receiver, &report, console).await?;
    }
    console.answer(&report, |console, report| console.line(&text::page(report)))?;
    Ok(match (report.reachable, report.is_critical()) {
        (false, _) => Exit::Unreachable,
        (true, true) => Exit::Found,
        (true, false) => Exit::Fine,
    })
}

impl Report {
    /// Takes in what is wrong, and what to do about it.
    fn find(&mut self, mut findings: Vec<Finding>) {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in &findings {
            if !self.recommendations.contains(&finding.remedy) {
                self.recommendations.push(finding.remedy.clone());
            }
        }
        self.findings = findings;
    }

    fn grade(&mut self, score: u8) {
        self.score = Some(score);
        self.grade = Some(format!("{:?}", Grade::of(score)));
    }

    /// Whether something has to be done now.
    fn is_critical(&self) -> bool {
        self.findings.iter().any(Finding::is_critical)
    }

    /// Puts it beside the last one.
    fn compare(&mut self, last: Option<&Self>) {
        let Some(last) = last else { return };
        self.last_at = Some(last.at.clone());
        self.trends = self.figures.iter().filter_map(|figure| figure.since(&last.figures)).collect();
        self.history = last.history.clone();
        self.history.push(last.in_short());
        let surplus = self.history.len().saturating_sub(LONGEST_HISTORY);
        self.history.drain(..surplus);
    }

    fn in_short(&self) -> Past {
        let figures = self.figures.iter().map(|figure| (figure.name.clone(), figure.value));
        Past { at: self.at.clone(), score: self.score, figures: figures.collect() }
    }
}

/// Reads the last report; none where there is no file yet.
fn read(path: &Path) -> Result<Option<Report>, Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::usage(format!("{} can't be read: {error}", path.display()))),
    };
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{}: {why}", path.display())).with_remedy(
            "name a file that `redstart report --keep FILE` has written, or one that is not there yet",
        )
    };
    let report: Report = serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
    if report.schema_version != SCHEMA_VERSION {
        return Err(wrong(&format!(
            "it is of form {}, and this reads {SCHEMA_VERSION}",
            report.schema_version
        )));
    }
    Ok(Some(report))
}
