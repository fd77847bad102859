//! The two processes: one changes, the other reads.

use std::io::{self, BufRead as _, Write as _};

use redis::{AsyncCommands as _, Client, aio::MultiplexedConnection};
use redstart_cache::{Cache, Source};
use redstart_connection::Clock;
use redstart_keys::{Category, Entity, Ttl};
use tokio::task::yield_now;

use crate::{Result, load, server::store_at};

const VERSION: Entity<u64> = Entity::new(Category::Cache, "version").ttl(Ttl::hours(1));
/// What the loader reads: the database of this benchmark.
const TRUTH: &str = "bench:truth";

/// Is the `reader` or the `writer`, until its input ends: hears versions, and answers with microseconds.
pub(crate) fn attend(part: &str, url: &str) -> Result {
    let runtime = load::runtime()?;
    let cache: Cache<u64, u64> = Cache::new(&store_at(url, &runtime)?, &VERSION);
    runtime.block_on(cache.ready());
    let mut truth = runtime.block_on(Client::open(url)?.get_multiplexed_async_connection())?;
    for line in io::stdin().lock().lines() {
        let version = line?.parse()?;
        let at = match part {
            "reader" => runtime.block_on(hear(&cache, &truth, version))?,
            _ => runtime.block_on(change(&cache, &mut truth, version))?,
        };
        say(&at.to_string())?;
    }
    Ok(())
}

/// Reads until it is shown that version.
async fn hear(cache: &Cache<u64, u64>, truth: &MultiplexedConnection, version: u64) -> Result<u64> {
    while read(cache, truth).await?.1 != Source::L1 {}
    say("ready")?;
    while read(cache, truth).await?.0 < version {
        yield_now().await;
    }
    Ok(Clock::system().now().as_micros())
}

async fn read(cache: &Cache<u64, u64>, truth: &MultiplexedConnection) -> Result<(u64, Source)> {
    let load = || async { truth.clone().get::<_, Option<u64>>(TRUTH).await.map(Option::unwrap_or_default) };
    let found = cache.get_or_load(&1, load).await?.ok_or("the loader brings a value")?;
    Ok((*found, found.source()))
}

async fn change(cache: &Cache<u64, u64>, truth: &mut MultiplexedConnection, version: u64) -> Result<u64> {
    truth.set::<_, _, ()>(TRUTH, version).await?;
    cache.invalidate(&1).await?;
    Ok(Clock::system().now().as_micros())
}

fn say(line: &str) -> Result {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
