//! `redstart drill`: breaks a server on purpose, and says what its clients saw.

mod fault;
mod judge;
mod record;
mod report;
mod service;
mod site;
mod stage;
mod truth;
mod workload;

use std::time::Duration;

use clap::ValueEnum as _;

pub use self::{
    fault::{Fault, Topology},
    judge::{Criterion, Held},
    report::{Drill, Ordeal, Seen},
    service::{Behind, OutageRule, Service},
};
use self::{report::show, site::Site};
use crate::{Console, Exit, Failure, Server, interrupt::or_interrupted};

/// Breaks a server on purpose under the work of a service, and says go or no-go.
///
/// Without --here it starts servers of its own on this machine, which are gone afterwards: nothing else is
/// touched. Several clients use a cache, a rate limit and a lock all the while. Afterwards it says what they
/// saw (errors by kind, the longest call, when all was well again) and whether what is promised held: a limit
/// never let more through than it may, a lock never had two holders and its fences rose, a cache never showed
/// what was replaced.
///
/// Tell it how your service is set up, and it finds what that costs: a limiter that refuses everybody during an
/// outage (--limiter deny), or a cache whose readers fail with it (--cache alone).
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
#[non_exhaustive]
pub struct Args {
    /// What is done to the server; all but manual by default.
    #[arg(long = "fault", value_enum, value_delimiter = ',', value_name = "FAULT")]
    pub faults: Vec<Fault>,
    /// What is started; by default sentinels for kill and freeze, and one server for the rest.
    #[arg(long, value_enum, conflicts_with = "here")]
    pub topology: Option<Topology>,
    /// Drills the server that --url or the environment names, instead of starting one.
    ///
    /// What is done to it is felt by all its clients, save cut and slow, which befall only those of the drill.
    #[arg(long)]
    pub here: bool,
    /// How long the fault stays.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    pub hold: Duration,
    /// How the service under test is set up.
    #[command(flatten)]
    pub service: Service,
    /// How soon all must be well again.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub max_recovery: Duration,
    /// How long any call may take.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    pub max_call: Duration,
}

const EXAMPLES: &str = "Examples:
  redstart drill                                       a game day on servers of its own, about a minute
  redstart drill --fault kill --topology cluster       one fault, on a cluster
  redstart drill --limiter deny                        what does a limiter that fails closed cost?
  redstart drill --here --fault cut,slow               the real server, through a line that misbehaves
  redstart drill --here --fault manual --hold 60s      watches while you pull the plug";

/// Runs the subcommand.
///
/// # Errors
///
/// Fails when the question makes no sense, or the servers can't be started or reached.
pub async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let plan = plan(args)?;
    let config = if args.here { Some(server.config()?) } else { None };
    if let Some(config) = &config {
        if config.is_memory() {
            return Err(Failure::usage("--here, but nothing names a server")
                .with_remedy("name it by --url or REDIS_URL, or leave --here out"));
        }
        let names: Vec<_> = plan.iter().map(|(fault, _)| fault.to_string()).collect();
        let felt = plan.iter().any(|(fault, _)| fault.is_felt_by_all());
        let question = format!(
            "{} on {}: {}.",
            names.join(", "),
            config.describe(),
            if felt { "all its clients will feel it" } else { "only the clients of the drill will feel it" }
        );
        if !console.confirm_by("drill", &question)? {
            return Err(Failure::usage("nothing was done"));
        }
    }
    let game = game(args, &plan, config.as_ref(), console);
    // Servers of the drill's own go when they are dropped; one of others is to be put in order first.
    let drill = if args.here { game.await? } else { or_interrupted(game).await?? };
    console.answer(&drill, show)?;
    Ok(if drill.go { Exit::Fine } else { Exit::Found })
}

/// Stages one fault after the other.
async fn game(
    args: &Args,
    plan: &[(Fault, Topology)],
    config: Option<&redstart_connection::Config>,
    console: &Console,
) -> Result<Drill, Failure> {
    let progress = console.progress(Some(plan.len() as u64), "drilling");
    let mut ordeals = Vec::new();
    for (number, &(fault, topology)) in plan.iter().enumerate() {
        progress.at(number as u64);
        progress.say(format!("{fault} on {topology}"));
        let site = match config {
            Some(config) => Site::named(config, fault).await?,
            None => Site::start(topology, fault).await?,
        };
        ordeals.push(stage::stage(args, fault, site).await?);
    }
    Ok(Drill::of(ordeals))
}

/// Which faults on what.
fn plan(args: &Args) -> Result<Vec<(Fault, Topology)>, Failure> {
    let all = || {
        let fits = |fault: &Fault| *fault != Fault::Manual && (!args.here || fault.left_out_here().is_none());
        Fault::value_variants().iter().copied().filter(fits).collect()
    };
    let faults: Vec<_> = if args.faults.is_empty() { all() } else { args.faults.clone() };
    let mut plan = Vec::new();
    for fault in faults {
        let topology = args.topology.unwrap_or_else(|| fault.usual_topology());
        let reason = if args.here { fault.left_out_here() } else { fault.left_out(topology) };
        if let Some((reason, remedy)) = reason {
            return Err(Failure::usage(format!("{fault}: {reason}")).with_remedy(remedy));
        }
        plan.push((fault, topology));
    }
    Ok(plan)
}
