//! Writes into a memory that is full.

use std::{sync::Arc, time::Duration};

use redstart_connection::Store;
use redstart_monitor::{FetchNodes, MemoryUse};
use serde::Serialize;

use super::{
    closed::{Closed, closed},
    place::Place,
};
use crate::{
    Console, Failure,
    load::{Choice, Sizes, Spread, Step, StoreWork},
};

const VALUE: usize = 16 * 1024;
const CALLERS: u64 = 32;
/// More keys than any memory that is filled here holds.
const KEYS: u64 = 1 << 40;
/// How long it is filled at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// Writes into a memory that is full.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Pressed {
    /// What was filled, without secrets.
    pub target: String,
    /// Its bound in bytes.
    pub limit: u64,
    /// What the server does at its bound.
    pub policy: String,
    /// Writes while there was room.
    pub roomy: Phase,
    /// Writes at the bound.
    pub full: Phase,
    /// Keys thrown out meanwhile.
    pub evicted: u64,
}

/// Writes for a while.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Phase {
    /// Writes a second.
    pub per_second: f64,
    /// Their times.
    pub times: Spread,
    /// Those that failed.
    pub failed: u64,
    /// What the first of them said.
    pub example: Option<String>,
}

pub(super) async fn measure(place: &Place, lasts: Duration, console: &Console) -> Result<Pressed, Failure> {
    let store = StoreWork::store(place.config())?;
    let work = Arc::new(StoreWork::new(&store, &[(Step::Set, 1.0)], KEYS, Sizes::between(VALUE, VALUE)));
    let (before, evicted_before) = memory(&store).await?;
    let Some(limit) = before.limit else {
        return Err(Failure::usage(format!(
            "{} has no maxmemory, so it can't be filled to its bound",
            place.shown()
        ))
        .with_remedy("set one (redstart configure), or leave --fill out to fill a disposable server"));
    };
    let progress = console.progress(Some(limit), "memory: writes while there is room");
    progress.at(before.used);
    // As long as there is room: a tenth of it, lest the bound is reached in it.
    let roomy = closed(&work, CALLERS, lasts.min(Duration::from_millis(200)), key_of).await;
    progress.say("memory: filling");
    let clock = redstart_connection::Clock::system();
    let begun = clock.instant();
    let mut filled = roomy.calls;
    loop {
        let (now, evicted) = memory(&store).await?;
        progress.at(now.used.min(limit));
        let is_full = evicted_before < evicted || limit.saturating_sub(now.used) < limit / 50;
        if is_full || PATIENCE < clock.instant().duration_since(begun) {
            break;
        }
        filled += closed(&work, CALLERS, Duration::from_millis(100), key_of).await.calls;
    }
    progress.say(format!("memory: writes at the bound, after {filled} values"));
    let full = closed(&work, CALLERS, lasts, key_of).await;
    let (_, evicted) = memory(&store).await?;
    drop(progress);
    Box::pin(work.clean_up(place.config())).await?;
    Ok(Pressed {
        target: place.shown().to_owned(),
        limit,
        policy: before.policy,
        roomy: Phase::of(&roomy),
        full: Phase::of(&full),
        evicted: evicted.saturating_sub(evicted_before),
    })
}

/// Keys that nobody else writes: chance makes them, so that stretches of writing don't repeat each other's.
fn key_of(_: u64, _: u64) -> Choice {
    Choice::new(0, fastrand::u64(..KEYS), VALUE)
}

impl Phase {
    fn of(closed: &Closed) -> Self {
        Self {
            per_second: closed.per_second(),
            times: closed.spread(),
            failed: closed.failed,
            example: closed.example.clone(),
        }
    }
}

/// What the servers use, of a cluster the fullest, and how many keys they have thrown out together.
async fn memory(store: &Store) -> Result<(MemoryUse, u64), Failure> {
    let nodes = store.run(&FetchNodes::default()).await?;
    let infos: Vec<_> = nodes.iter().filter_map(|node| node.info.known()).collect();
    let evicted = infos.iter().map(|info| info.stats.evicted_keys).sum();
    let fullest = infos.iter().max_by_key(|info| info.memory.used);
    let Some(fullest) = fullest else {
        return Err(Failure::found(
            "the server does not say how much memory it uses, so it can't be filled to its bound",
        ));
    };
    Ok((fullest.memory.clone(), evicted))
}
