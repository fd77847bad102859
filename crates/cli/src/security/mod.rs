//! `redstart security`: who could do what to the server, and rules by which everybody may do what he must.

mod component;
mod page;
mod proof;
mod rules;

use redstart_connection::Store;
use redstart_monitor::{Check, CheckVerdict, Reachable, Topic, UserRules};
use serde::Serialize;

pub use self::{
    component::{Component, UnknownComponent},
    proof::{Proof, Trial},
    rules::AccessRules,
};
use crate::{
    Console, Exit, Failure, Interrupted, Server,
    doctor::{self, Doctor},
    interrupt::interrupted,
    or_interrupted,
};

/// Arguments of `security`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  redstart security                          what a stranger, and what this user could do
  redstart security --acl                    rules for a user of each component
  redstart --prefix prod:shop security --acl --components cache,ratelimit --user shop
  redstart security --acl --prove            tries the rules on the server by ACL DRYRUN
  redstart security --acl | grep '^user' >> users.acl

It tries to get in without a password and with a wrong one; the server notes both in its ACL LOG.
--prove makes a user that nobody can log in as, tries its rules, and removes it again.
The rules allow what the code sends and nothing else; the commands stand in docs/cli/security.md.")]
#[non_exhaustive]
pub struct Args {
    /// Prints rules of access with no more rights than the components need.
    #[arg(long)]
    pub acl: bool,
    /// Components that one user is for; without this, each gets a user of its own.
    #[arg(long, value_delimiter = ',', value_name = "NAMES", requires = "acl")]
    pub components: Vec<Component>,
    /// Name of that user.
    #[arg(long, value_name = "NAME", default_value = "app", requires = "components")]
    pub user: String,
    /// Tries the rules on the server: what must be allowed, and what must not.
    #[arg(long, requires = "acl")]
    pub prove: bool,
    /// Looks at the second server, for locks, limits and state (REDIS_COORDINATION_URL).
    #[arg(long)]
    pub coordination: bool,
}

/// Who could do what.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// The server, without secrets.
    pub address: String,
    /// What came of the rules of security.
    pub checks: Vec<Check>,
    /// The dangerous commands, and whether this connection may send them; none where that can't be seen.
    pub commands: Option<Vec<Reachable>>,
    /// The users of the server; none where they can't be seen.
    pub users: Option<Vec<UserRules>>,
}

/// Rules of access, and what came of trying them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Granted {
    /// The user's name.
    pub user: String,
    /// What it is for.
    pub components: Vec<Component>,
    /// Its rules.
    pub rules: AccessRules,
    /// Commands that were left out, since this server does not know them.
    pub unknown: Vec<&'static str>,
    /// What came of trying them; none where nobody asked for it.
    pub proof: Option<Proof>,
}

pub(crate) async fn run(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    match args.acl {
        // It has something to put away when it is interrupted.
        true => grant(args, server, console).await,
        false => or_interrupted(examine(args, server, console)).await?,
    }
}

/// Examines the server for what is about security.
async fn examine(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let doctor = doctor::Args { coordination: args.coordination, ..doctor::Args::default() };
    let progress = console.progress(None, "trying to get in");
    let doctor = Doctor::new(&doctor, server)?;
    let (seen, exposure) = (doctor.look().await, doctor.exposure().await);
    drop(progress);
    if !seen.examination.is_reachable() {
        return Err(Failure::new(
            Exit::Unreachable,
            seen.examination.cause.unwrap_or_else(|| format!("{} does not answer", seen.address)),
        ));
    }
    let is_about = |check: &Check| check.topic == Topic::Security || check.rule == "no-password";
    let report = Report {
        address: seen.address,
        checks: seen.examination.checks.into_iter().filter(is_about).collect(),
        commands: exposure.dangerous.known().cloned(),
        users: exposure.users.known().cloned(),
    };
    console.answer(&report, page::report)?;
    let is_finding = |check: &Check| matches!(check.verdict, CheckVerdict::Warning | CheckVerdict::Critical);
    Ok(if report.checks.iter().any(is_finding) { Exit::Found } else { Exit::Fine })
}

/// Writes rules, and tries them where that is asked for.
async fn grant(args: &Args, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let config = server.config_as_it_is()?;
    let config = match config.coordination() {
        Some(second) if args.coordination => second.clone().allow_insecure(true),
        _ => config,
    };
    let store = Store::lazy(&config)?;
    let prefix = store.prefix().as_str().to_owned();
    let mut granted: Vec<Granted> = if args.components.is_empty() {
        Component::ALL
            .iter()
            .map(|component| Granted::new(component.name(), vec![*component], &prefix))
            .collect()
    } else {
        vec![Granted::new(&args.user, args.components.clone(), &prefix)]
    };
    for granted in &mut granted {
        // Rules that name a command which the server does not know, it does not take.
        match granted.rules.unknown_to(&store).await {
            Ok(unknown) => granted.unknown = granted.rules.leave_out(&unknown),
            Err(error) if args.prove && !config.is_memory() => return Err(error.into()),
            Err(_) => {}
        }
    }
    if args.prove {
        if config.is_memory() {
            return Err(Failure::usage("--prove: no server is named on which the rules could be tried")
                .with_remedy("name one by --url, or by REDIS_URL"));
        }
        for granted in &mut granted {
            let proof = Proof::of(&store, &granted.rules, interrupted()).await?;
            granted.proof = Some(proof.ok_or(Interrupted)?);
        }
    }
    console.answer(&granted, |console, granted| page::granted(console, granted))?;
    let is_proven = |granted: &Granted| granted.proof.as_ref().is_none_or(Proof::holds);
    Ok(if granted.iter().all(is_proven) { Exit::Fine } else { Exit::Found })
}

impl Granted {
    fn new(user: &str, components: Vec<Component>, prefix: &str) -> Self {
        let rules = AccessRules::of(&components, prefix);
        Self { user: user.to_owned(), components, rules, unknown: Vec::new(), proof: None }
    }
}
