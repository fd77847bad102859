//! `redstart ping`: does the server answer, and how fast?

use std::time::Duration;

use redstart_connection::Store;
use redstart_monitor::{Monitor, Ping, ServerLine};
use serde::Serialize;

use crate::{Console, Exit, Failure, Progress, Server};

/// Arguments of `ping`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  redstart ping                              the server of the environment, or the embedded store
  redstart --url rediss://cache.example:6380 ping --count 100 --interval 10ms
  redstart --nodes 10.0.0.1:7000,10.0.0.2:7000 ping
  redstart --nodes 10.0.0.1,10.0.0.2 --sentinel shop ping
  redstart --json ping | jq .pings.p99Ms

A password belongs into REDIS_PASSWORD or a file (--config), not into the command line.")]
#[non_exhaustive]
pub struct Args {
    /// How often to ask.
    #[arg(long, short, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// How long to wait between two questions.
    #[arg(long, short, default_value = "100ms", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub interval: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Answer {
    /// The server, without secrets.
    pub address: String,
    /// `memory`, `standalone`, `sentinel`, `cluster` or `rest`.
    pub mode: &'static str,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// How long the first connection took, in milliseconds.
    pub connect_ms: f64,
    /// The servers that own keys.
    pub servers: Vec<ServerLine>,
    /// The questions and their answers.
    pub pings: Pings,
}

/// How long the answers took.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Pings {
    /// Questions sent.
    pub sent: usize,
    /// Answers that came.
    pub answered: usize,
    /// The quickest, in milliseconds; none without an answer, as the others.
    pub min_ms: Option<f64>,
    /// The one in the middle.
    pub p50_ms: Option<f64>,
    /// All but one in a hundred were as quick.
    pub p99_ms: Option<f64>,
    /// The slowest.
    pub max_ms: Option<f64>,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// Asks the server whether it answers.
///
/// # Errors
///
/// Fails when the configuration is wrong, or no connection comes up.
pub async fn ask(args: &Args, server: &Server, progress: &Progress) -> Result<Answer, Failure> {
    let config = server.config()?;
    let clock = redstart_connection::Clock::system();
    let started = clock.instant();
    let store = Store::connect(&config).await?;
    store.run(&Ping::default()).await?;
    let connect_ms = milliseconds(clock.instant() - started);

    let (mut took, mut error) = (Vec::new(), None);
    for count in 0..args.count {
        if count > 0 {
            tokio::time::sleep(args.interval).await;
        }
        let sent_at = clock.instant();
        match store.run(&Ping::default()).await {
            Ok(()) => took.push(milliseconds(clock.instant() - sent_at)),
            Err(failed) => error = Some(failed.to_string()),
        }
        progress.at(u64::from(count) + 1);
    }
    let facts = Monitor::new(store.clone()).facts().await;
    Ok(Answer {
        address: store.describe().to_owned(),
        mode: facts.status.mode,
        encrypted: config.is_encrypted(),
        connect_ms,
        servers: facts.servers(),
        pings: Pings::of(args.count, took, error),
    })
}

impl Pings {
    fn of(sent: u32, mut took: Vec<f64>, error: Option<String>) -> Self {
        took.sort_by(f64::total_cmp);
        let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
        Self {
            sent: usize::try_from(sent).unwrap_or(usize::MAX),
            answered: took.len(),
            min_ms: took.first().copied(),
            p50_ms: at(50).copied(),
            p99_ms: at(99).copied(),
            max_ms: took.last().copied(),
            error,
        }
    }
}

pub(crate) async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let progress = console.progress(Some(args.count.into()), "pinging");
    let answer = ask(args, server, &progress).await?;
    drop(progress);
    console.answer(&answer, show)?;
    Ok(if answer.pings.answered == answer.pings.sent { Exit::Fine } else { Exit::Found })
}

fn show(console: &Console, answer: &Answer) {
    let Answer { address, mode, encrypted, connect_ms, servers, pings } = answer;
    if *mode == "memory" {
        console.line("memory: no server is named, so everything is embedded in this process");
        console.line("  name one by --url, or by REDIS_URL");
        return;
    }
    let how = if *encrypted { "over TLS" } else { "in plain text" };
    console.line(&format!("{address} ({mode}, {how}), connected in {connect_ms:.1} ms"));
    for line in servers {
        console.line(&format!("  {line}"));
    }
    let Pings { sent, answered, min_ms, p50_ms, p99_ms, max_ms, error } = pings;
    if let (Some(min), Some(p50), Some(p99), Some(max)) = (min_ms, p50_ms, p99_ms, max_ms) {
        console.line(&format!(
            "{answered} of {sent} answered: min {min:.2} ms, p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms"
        ));
    }
    if let Some(error) = error {
        console.line(&format!("\x1b[31m{} of {sent} failed:\x1b[0m {error}", sent - answered));
    }
}

/// Milliseconds with three digits.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
