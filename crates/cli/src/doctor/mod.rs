//! `redstart doctor`: every rule held against the server, with the evidence and the remedy.

mod page;
mod report;

use std::time::Duration;

use redstart_connection::{Config, Store};
use redstart_monitor::{CensusPlan, Exposure, Monitor, Ping};

pub(crate) use self::page::show_check;
pub use self::report::{ConfigurationIssue, Report};
use crate::{Console, Exit, Failure, Server};

/// Arguments of `doctor`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "\
Examples:
  redstart doctor                            the server of the environment
  redstart doctor --census                   counts keys too: big ones, hot ones, those without a TTL
  redstart doctor --watch                    every five seconds, until Ctrl-C
  redstart --environment production doctor   holds the configuration against what production demands
  redstart --json doctor | jq '.checks[] | select(.verdict == \"critical\")'

Signs:
  ✓ kept   • advice   ! warning   ✗ critical   – can't be seen from here

It ends with 1 when there is a warning or worse, and with 3 when the server does not answer.
To see whether strangers get in, it tries to: the server notes two refused logins in its ACL LOG.")]
#[non_exhaustive]
pub struct Args {
    /// Looks again and again, every five seconds or as often as this says.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "5s", value_parser = humantime::parse_duration)]
    pub watch: Option<Duration>,
    /// Ends after so many looks.
    #[arg(long, value_name = "N", requires = "watch")]
    pub looks: Option<u32>,
    /// Counts the keys too, up to 10,000 and two seconds.
    #[arg(long)]
    pub census: bool,
    /// Looks at the second server, for locks, limits and state (REDIS_COORDINATION_URL).
    #[arg(long)]
    pub coordination: bool,
    /// Nothing but caches is kept here, so that the server may evict.
    #[arg(long, conflicts_with = "coordination")]
    pub cache_only: bool,
    /// Shows only what is wrong.
    #[arg(long, short)]
    pub quiet: bool,
}

/// Looks at a server again and again.
#[derive(Debug)]
pub struct Doctor {
    config: Config,
    monitor: Monitor,
    census: bool,
}

impl Doctor {
    /// A doctor for the server that `args` mean.
    ///
    /// What production refuses is examined all the same, and told.
    ///
    /// # Errors
    ///
    /// Fails when the configuration is wrong, or names no second server where one is to be examined.
    pub fn new(args: &Args, server: &Server) -> Result<Self, Failure> {
        let first = server.config_as_it_is()?;
        let (config, keeps) = match first.coordination() {
            Some(second) if args.coordination => (second.clone(), true),
            None if args.coordination => {
                let remedy =
                    "set REDIS_COORDINATION_URL, or leave --coordination out: one server is used for all";
                return Err(Failure::usage("--coordination: no second server is named").with_remedy(remedy));
            }
            Some(_) => (first, false),
            None => (first, !args.cache_only),
        };
        let config = config.allow_insecure(true);
        let store = Store::lazy(&config)?;
        if keeps && !config.is_memory() {
            store.rely_on_keeping();
        }
        Ok(Self { config, monitor: Monitor::new(store), census: args.census })
    }

    /// What a stranger could do to the server, and what this connection may do.
    pub async fn exposure(&self) -> Exposure {
        Exposure::probe(&self.config, self.monitor.store()).await
    }

    /// Looks at the server.
    ///
    /// It never fails: a server that does not answer is what the report says.
    pub async fn look(&self) -> Report {
        // A look waits a quarter of a second and no longer; the first connection may take more.
        let _connected = self.monitor.store().run(&Ping::default()).await;
        if self.census {
            // What it can't count, the rules about keys tell.
            let _counted = self.monitor.census(&CensusPlan::new(), |_| {}).await;
        }
        let examination = self.monitor.examine(&self.config).await;
        Report::new(&self.config, self.monitor.store().describe(), examination)
    }
}

pub(crate) async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    if args.watch.is_some() && console.is_json() {
        return Err(Failure::usage("--watch gives many answers and --json is one document")
            .with_remedy("leave one of them out; a shell loop around `redstart --json doctor` gives many"));
    }
    let doctor = Doctor::new(args, server)?;
    let progress = console.progress(None, "looking at the server");
    let mut report = doctor.look().await;
    drop(progress);
    let show = |console: &Console, report: &Report| page::show(console, report, args.quiet);
    console.answer(&report, show)?;
    if let Some(interval) = args.watch {
        let mut looks = 1;
        while args.looks.is_none_or(|most| looks < most) {
            tokio::time::sleep(interval).await;
            report = doctor.look().await;
            console.clear();
            show(console, &report);
            looks += 1;
        }
    }
    Ok(report.exit())
}
