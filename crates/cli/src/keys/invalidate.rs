//! Removing cached values, after showing which.

use redstart_cache::{Survey, survey, sweep_with};
use redstart_keys::{Category, Pattern};
use serde::Serialize;

use crate::{Console, Exit, Failure, Server, interrupt::or_interrupted};

/// Removes cached values that match a pattern, after showing which.
///
/// Nothing that began to load before is stored behind it, and every process forgets what it holds. Only
/// cached values can be removed: locks, limits, sessions and queues are out of its reach.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  redstart --prefix prod keys invalidate 'cache:postcode:{94???}'")]
#[non_exhaustive]
pub struct InvalidateArgs {
    /// Glob without the prefix, within cache: such as 'cache:user:*'.
    pub pattern: String,
    /// Shows what matches, and removes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// What was removed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Invalidated {
    /// What was asked for.
    pub pattern: String,
    /// How many keys matched before.
    pub matched: u64,
    /// Some of their names.
    pub examples: Vec<String>,
    /// How many were removed; none of a dry run, or where somebody said no.
    pub removed: Option<u64>,
}

pub(super) async fn run(args: &InvalidateArgs, server: &Server, console: &Console) -> Result<Exit, Failure> {
    let pattern = cached(&args.pattern)?;
    let store = server.store()?;
    let Survey { matched, examples, .. } = or_interrupted(survey(&store, &pattern)).await??;
    let mut invalidated = Invalidated { pattern: args.pattern.clone(), matched, examples, removed: None };
    if matched > 0 && !args.dry_run && agreed(&invalidated, console)? {
        let progress = console.progress(Some(matched), "removing");
        let swept = or_interrupted(sweep_with(&store, &pattern, |swept| progress.at(swept.removed))).await;
        drop(progress);
        let swept = swept?.map_err(|error| {
            Failure::from(error).with_remedy(
                "run it again: what was removed stays removed, and the other processes hear of it at the end",
            )
        })?;
        invalidated.removed = Some(swept.removed);
    }
    console.answer(&invalidated, show)?;
    Ok(Exit::Fine)
}

/// The pattern, if it stays within what is cached.
fn cached(text: &str) -> Result<Pattern, Failure> {
    let begin = format!("{}:", Category::Cache);
    let bare = text.strip_prefix('{').unwrap_or(text);
    if !bare.starts_with(&begin) {
        return Err(Failure::usage(format!("{text} reaches beyond what is cached"))
            .with_remedy("begin it with cache: – the keys of a user are 'cache:user:*'"));
    }
    Pattern::parse(text).map_err(|problem| Failure::usage(format!("{text}: {problem}")))
}

fn agreed(invalidated: &Invalidated, console: &Console) -> Result<bool, Failure> {
    let Invalidated { pattern, matched, examples, .. } = invalidated;
    if !console.says_yes() {
        examples.iter().take(10).for_each(|name| console.note(&format!("  {name}")));
        if *matched > 10 {
            console.note(&format!("  … and {} more", matched - 10));
        }
    }
    let question = format!("{matched} keys match {pattern}. Remove them?");
    if pattern == "cache:*" {
        console.confirm_by("everything", &question)
    } else {
        console.confirm(&question)
    }
}

fn show(console: &Console, invalidated: &Invalidated) {
    let Invalidated { pattern, matched, examples, removed } = invalidated;
    match removed {
        Some(removed) => {
            console.line(&format!("{removed} keys removed; every process forgets what it holds."))
        }
        None if *matched == 0 => console.line(&format!("Nothing matches {pattern}.")),
        None => {
            console.line(&format!("{matched} keys match {pattern}; nothing was removed."));
            examples.iter().take(10).for_each(|name| console.line(&format!("  {name}")));
        }
    }
}
