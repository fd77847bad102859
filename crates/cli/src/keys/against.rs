//! What is there, against what is declared.

use std::{path::PathBuf, time::Duration};

use redstart_connection::Store;
use redstart_keys::Pattern;
use redstart_monitor::CensusPlan;

use super::{
    Declared,
    reality::{Group, Reality, Sorting},
};
use crate::{Console, Exit, Failure, Server, Table, interrupt::or_interrupted, sizes};

/// Counts the keys of each declaration, and finds those that should not be there.
///
/// Every key is looked at, in small steps that do not hold the server up.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Example:\n  redstart --prefix prod keys check --catalogue docs/reference/keys.md")]
#[non_exhaustive]
pub struct AgainstArgs {
    /// Declarations of the service, as Catalogue::to_markdown writes them.
    #[arg(long, value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
    /// Looks at so many keys at most.
    #[arg(long, value_name = "COUNT")]
    pub most: Option<u64>,
    /// Only keys that match this glob, without the prefix.
    #[arg(long, value_name = "GLOB")]
    pub pattern: Option<Pattern>,
}

pub(super) async fn run(args: &AgainstArgs, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let declared = args.catalogue.as_deref().map(Declared::read).transpose()?.unwrap_or_default();
    let store = server.store()?;
    let mut plan = CensusPlan::new().within(Duration::MAX).keys(args.most.unwrap_or(u64::MAX));
    if let Some(pattern) = &args.pattern {
        plan = plan.of(pattern.clone());
    }
    let progress = console.progress(None, "counting keys");
    let reality = or_interrupted(against(&store, declared, &plan, |keys| progress.at(keys))).await;
    drop(progress);
    let reality = reality??;
    console.answer(&reality, show)?;
    Ok(if reality.is_well() { Exit::Fine } else { Exit::Found })
}

/// Compares the keys of a store with what is declared; `on_progress` hears how many were looked at.
///
/// ```
/// use redstart_cli::keys::{Declared, against};
/// use redstart_connection::Store;
/// use redstart_keys::{Catalogue, Category, Entity, Ttl};
/// use redstart_monitor::CensusPlan;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_cli::Failure> {
/// const USER: Entity<u64> =
///     Entity::new(Category::Cache, "user").ttl(Ttl::hours(1)).describe("Profile of a user.");
/// let declared = Catalogue::new().with(&USER).rows().iter().map(Declared::from).collect();
/// let reality = against(&Store::memory(), declared, &CensusPlan::new(), |_| {}).await?;
/// assert!(reality.is_well());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails when the server does not answer, or refuses `SCAN` or `PTTL`.
pub async fn against(
    store: &Store,
    declared: Vec<Declared>,
    plan: &CensusPlan,
    mut on_progress: impl FnMut(u64) + Send,
) -> Result<Reality, Failure> {
    let mut sorting = Sorting::new(declared);
    let walked = plan.walk(store, |page, progress| {
        page.keys.into_iter().for_each(|key| sorting.add(key));
        on_progress(progress.counted);
    });
    let walked = walked.await?;
    let mut reality = sorting.finish();
    (reality.complete, reality.keys) = (walked.is_complete, walked.progress.counted);
    reality.servers = walked.progress.servers;
    Ok(reality)
}

fn show(console: &Console, reality: &Reality) {
    let Reality { complete, keys, servers, has_catalogue, declared, unknown, endless, biggest } = reality;
    let part = if *complete { "" } else { ", and there are more" };
    console.line(&format!("{keys} keys on {servers} servers looked at{part}."));
    if !declared.is_empty() {
        show_groups(console, "Declared", declared.iter());
    }
    if !unknown.is_empty() {
        let title = if *has_catalogue { "Nobody declared" } else { "By name" };
        show_groups(console, title, unknown.iter());
    }
    if !has_catalogue {
        console.line("No catalogue was given, so nothing is judged: --catalogue docs/reference/keys.md");
    }
    if !endless.is_empty() {
        console.line("\nNever end, although they should");
        endless.iter().for_each(|name| console.line(&format!("  {name}")));
        console.line("  → give them a TTL (EXPIRE), and find who writes them without one");
    }
    if !biggest.is_empty() {
        console.line("\nBiggest");
        let mut table = Table::new();
        for named in biggest.iter().take(5) {
            table.row([format!("  {}", named.name), sizes::bytes(named.bytes)]);
        }
        console.line(&table.to_string());
    }
}

fn show_groups<'a>(console: &Console, title: &str, groups: impl Iterator<Item = &'a Group>) {
    console.line("");
    let mut table = Table::new();
    table.row([title, "TTL", "keys", "beside", "endless", "other version", "size"]);
    for Group { name, ttl, keys, companions, endless, other_versions, bytes } in groups {
        let count = |count: &u64| if *count == 0 { "–".to_owned() } else { count.to_string() };
        table.row([
            format!("  {name}"),
            ttl.clone().unwrap_or_else(|| "–".to_owned()),
            keys.to_string(),
            count(companions),
            count(endless),
            count(other_versions),
            sizes::bytes(*bytes),
        ]);
    }
    console.line(&table.to_string());
}
