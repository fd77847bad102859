//! The cache with a server behind it: hits of the store, batches, stampedes, and how soon others hear.

mod bento;
mod hearing;
mod stampede;

use std::{collections::HashMap, convert::Infallible};

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redstart_cache::{Cache, L1, Source};

pub(crate) use self::hearing::attend;
use crate::{
    Result,
    contest::{Contest, Plan},
    item::{ITEM, ITEMS, Ids, Item},
    judge::{Budget, THROUGHPUT},
    load::{self, Caller, Load},
    report::Report,
    server::{PREFIX, Server},
};

/// How many values one batch has.
const BATCH: usize = 100;
/// How many values are stored in one call when the cache is filled.
const FILLED_AT_ONCE: usize = 500;
/// The lifetime of what the floor reads, in seconds: that of the items.
const ITEM_LIFETIME: &[u8] = b"86400";

/// Measures single hits among 64 tasks, batches among 8, stampedes, and the way to another process's memory.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let cache = Cache::builder(&server.store(&runtime)?, &ITEM).l1(L1::off()).build();
    runtime.block_on(fill(&cache))?;
    let mut control = server.control();
    for id in 0..ITEMS {
        // With a lifetime, as what is cached has; the server looks it up in a table of its own.
        let (name, json) = (raw_name(id), Item::json(id)?);
        control.command(&[b"SET", name.as_bytes(), &json, b"EX", ITEM_LIFETIME]);
    }
    let redis_rs = server.redis_rs(&runtime)?;

    let load = (&runtime, Load::tasks(64));
    let mut contest = Contest::new("cache, store hit, 64 tasks").watch(&server, &["get", "mget"]);
    let floor = contest.enter("redis-rs GET, parsed", load, |caller| RawGet::new(&redis_rs, caller));
    let hit = contest.enter("get_or_load", load, |caller| Hit::new(&cache, caller));
    let mut outcome = contest.run(plan)?;
    outcome.compare(hit, floor, THROUGHPUT, Some(Budget::AtLeast(0.9)));
    report.add(outcome);

    let load = (&runtime, Load::tasks(8));
    let mut contest = Contest::new("cache, batches of 100, 8 tasks").watch(&server, &["get", "mget"]);
    let floor = contest.enter("redis-rs MGET, parsed", load, |caller| RawMany::new(&redis_rs, caller));
    let batch = contest.enter("get_many_or_load", load, |caller| Many::new(&cache, caller));
    let mut outcome = contest.run(plan)?;
    outcome.compare(batch, floor, THROUGHPUT, Some(Budget::AtLeast(0.85)));
    report.add(outcome);

    stampede::measure(plan, report)?;
    hearing::measure(plan, report)
}

async fn fill(cache: &Cache<u64, Item>) -> Result {
    let ids: Vec<u64> = (0..ITEMS).collect();
    for ids in ids.chunks(FILLED_AT_ONCE) {
        let load = |missing: Vec<u64>| async move {
            Ok::<_, Infallible>(missing.into_iter().map(|id| (id, Item::sample(id))).collect::<Vec<_>>())
        };
        cache.get_many_or_load(ids, load).await.into_result()?;
    }
    Ok(())
}

/// Where the floor keeps the same items, as plain JSON.
fn raw_name(id: u64) -> String {
    format!("{PREFIX}:raw:item:{{{id}}}")
}

struct RawGet {
    connection: MultiplexedConnection,
    ids: Ids,
}

impl RawGet {
    fn new(connection: &MultiplexedConnection, caller: usize) -> Self {
        Self { connection: connection.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for RawGet {
    async fn call(&mut self) -> bool {
        let name = raw_name(self.ids.next());
        let answer = redis::cmd("GET").arg(name).query_async::<Option<Bytes>>(&mut self.connection).await;
        matches!(answer, Ok(Some(bytes)) if serde_json::from_slice::<Item>(&bytes).is_ok())
    }
}

struct Hit {
    cache: Cache<u64, Item>,
    ids: Ids,
}

impl Hit {
    fn new(cache: &Cache<u64, Item>, caller: usize) -> Self {
        Self { cache: cache.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for Hit {
    async fn call(&mut self) -> bool {
        let id = self.ids.next();
        let load = || async move { Ok::<_, Infallible>(Some(Item::sample(id))) };
        let found = self.cache.get_or_load(&id, load).await;
        matches!(found, Ok(Some(item)) if item.source() == Source::L2)
    }
}

struct RawMany {
    connection: MultiplexedConnection,
    ids: Ids,
}

impl RawMany {
    fn new(connection: &MultiplexedConnection, caller: usize) -> Self {
        Self { connection: connection.clone(), ids: Ids::uniform(caller) }
    }
}

impl Caller for RawMany {
    async fn call(&mut self) -> bool {
        let mut command = redis::cmd("MGET");
        let ids: Vec<u64> = (0..BATCH).map(|_| self.ids.next()).collect();
        for id in &ids {
            command.arg(raw_name(*id));
        }
        let Ok(found) = command.query_async::<Vec<Option<Bytes>>>(&mut self.connection).await else {
            return false;
        };
        let parse = |bytes: Option<Bytes>| serde_json::from_slice::<Item>(&bytes?).ok();
        let found: HashMap<u64, Item> =
            ids.iter().zip(found).filter_map(|(id, bytes)| Some((*id, parse(bytes)?))).collect();
        !found.is_empty()
    }
}

struct Many {
    cache: Cache<u64, Item>,
    ids: Ids,
}

impl Many {
    fn new(cache: &Cache<u64, Item>, caller: usize) -> Self {
        Self { cache: cache.clone(), ids: Ids::uniform(caller) }
    }
}

impl Caller for Many {
    async fn call(&mut self) -> bool {
        let ids: Vec<u64> = (0..BATCH).map(|_| self.ids.next()).collect();
        let load = |_| async { Ok::<Vec<(u64, Item)>, Infallible>(Vec::new()) };
        let found = self.cache.get_many_or_load(&ids, load).await.into_found();
        !found.is_empty() && found.values().all(|item| item.source() == Source::L2)
    }
}
