//! Having a service warm its caches.

use std::{env, fs, path::PathBuf, time::Duration};

use redstart_connection::Clock;
use redstart_monitor::{HttpRequest, HttpTarget};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::{Console, Exit, Failure, Progress, Table, interrupt::or_interrupted};

const LOOK: Duration = Duration::from_millis(200);
const ANSWER: Duration = Duration::from_secs(10);
/// More of an answer than this is not read.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Has a service load what will be asked for, and shows how far it is.
///
/// Only the service knows how its values are loaded, so it is asked over HTTP: any that has given its warmer to
/// OpsState::with_warmer has the endpoint. What is there already is left alone.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  ADMIN_TOKEN=… redstart keys warm --service http://127.0.0.1:8080")]
#[non_exhaustive]
pub struct WarmArgs {
    /// Address of the service, such as http://127.0.0.1:8080.
    #[arg(long, value_name = "URL")]
    pub service: String,
    /// Path of the endpoint.
    #[arg(long, value_name = "PATH", default_value = "/api/admin/redis/warm")]
    pub path: String,
    /// File with the administrator's token; instead of the variable ADMIN_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How long to wait for the end.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    pub within: Duration,
}

/// What a warming did, as the service tells it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Warmed {
    /// How far it is.
    pub progress: Value,
    /// What was done with each cache.
    pub report: Value,
}

pub(super) async fn run(args: &WarmArgs, console: &Console) -> Result<Exit, Failure> {
    let service = Warming::of(args)?;
    let progress = console.progress(Some(0), "warming");
    let warmed = or_interrupted(service.warm(args.within, &progress)).await;
    drop(progress);
    let warmed = warmed.map_err(|interrupted| {
        Failure::from(interrupted).with_remedy("the service goes on; run the same command again to watch it")
    })??;
    console.answer(&warmed, show)?;
    let is_whole = count(&warmed.progress, "failed") == 0 && count(&warmed.progress, "left") == 0;
    Ok(if is_whole { Exit::Fine } else { Exit::Found })
}

/// The endpoint of a service.
struct Warming {
    target: HttpTarget,
    url: String,
    path: String,
    token: String,
}

impl Warming {
    fn of(args: &WarmArgs) -> Result<Self, Failure> {
        let token = match &args.token_file {
            Some(file) => fs::read_to_string(file)
                .map_err(|error| Failure::usage(format!("--token-file {}: {error}", file.display())))?,
            None => env::var("ADMIN_TOKEN").map_err(|_| {
                Failure::usage("no token: the endpoint is for administrators")
                    .with_remedy("set ADMIN_TOKEN, or name a file by --token-file")
            })?,
        };
        let target = HttpTarget::new(&args.service, 1)
            .map_err(|why| Failure::usage(format!("--service {}: {why}", args.service)))?;
        let url = format!("{}{}", args.service.trim_end_matches('/'), args.path);
        Ok(Self { target, url, path: args.path.clone(), token: token.trim().to_owned() })
    }

    async fn warm(&self, within: Duration, progress: &Progress) -> Result<Warmed, Failure> {
        let clock = Clock::system();
        let began = clock.instant();
        let mut state = self.ask("POST").await?;
        loop {
            let told = &state["progress"];
            progress.of(count(told, "planned"));
            progress.at(count(told, "attempted"));
            if told["isDone"].as_bool() == Some(true) && !state["report"].is_null() {
                return Ok(Warmed { progress: told.clone(), report: state["report"].clone() });
            }
            if clock.instant().duration_since(began) >= within {
                return Err(Failure::found(format!("the warming goes on after {within:?}"))
                    .with_remedy("run the same command again to watch it"));
            }
            sleep(LOOK).await;
            state = self.ask("GET").await?;
        }
    }

    async fn ask(&self, method: &str) -> Result<Value, Failure> {
        let headers = [("authorization".to_owned(), format!("Bearer {}", self.token))].into();
        let (method, path) = (method.to_owned(), self.path.clone());
        let request = HttpRequest { method, path, headers, ..HttpRequest::default() };
        let answer = self.target.send(request, ANSWER, LONGEST_ANSWER).await.map_err(|failure| {
            Failure::new(Exit::Unreachable, format!("{}: {failure}", self.url))
                .with_remedy("check that the service runs there")
        })?;
        match answer.status {
            // Another warming is under way: it is as good as ours.
            200 | 202 | 409 => serde_json::from_slice(&answer.body)
                .map_err(|_| Failure::found(format!("{} answered with something else than JSON", self.url))),
            401 | 403 => Err(Failure::new(Exit::Unreachable, format!("{} refused the token", self.url))
                .with_remedy("set ADMIN_TOKEN to the one that the service was started with")),
            404 => Err(Failure::usage(format!("{} is not there", self.url))
                .with_remedy("give the service's warmer to OpsState::with_warmer, or name its own --path")),
            status => Err(Failure::found(format!("{} answered {status}", self.url))),
        }
    }
}

fn count(progress: &Value, name: &str) -> u64 {
    progress[name].as_u64().unwrap_or(0)
}

fn show(console: &Console, warmed: &Warmed) {
    let Warmed { progress, report } = warmed;
    let seconds = progress["elapsedSeconds"].as_f64().unwrap_or(0.0);
    console.line(&format!(
        "{} of {} loaded, {} were there, {} failed, in {seconds:.1} s.",
        count(progress, "warmed"),
        count(progress, "planned"),
        count(progress, "skipped"),
        count(progress, "failed"),
    ));
    let mut table = Table::new();
    for cache in report["caches"].as_array().into_iter().flatten() {
        let name = cache["name"].as_str().unwrap_or("?");
        let error = cache["error"].as_str().unwrap_or("");
        let [warmed, skipped] = ["warmed", "skipped"].map(|what| count(cache, what));
        table.row([
            format!("  {name}"),
            format!("{warmed} loaded"),
            format!("{skipped} there"),
            error.to_owned(),
        ]);
    }
    console.line(&table.to_string());
}
