//! Commands through the door, against redis-rs's multiplexed connection.

mod operations;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redstart_connection::Store;
use tokio::runtime::Runtime;

use self::operations::{Increment, Read, ReadAlone};
use crate::{
    Result,
    contest::{Contest, Outcome, Plan},
    item::{self, ITEM, ITEMS, Ids, Item},
    judge::{Budget, THROUGHPUT},
    load::{self, Caller, Load},
    report::Report,
    server::{PREFIX, Server},
};

/// What is promised of a command that can't be gathered, or has nobody to be gathered with.
const ALONE: Budget = Budget::AtLeast(0.9);
/// What is promised of gathered reads among 64 and 512 tasks.
const AMONG_64: Budget = Budget::AtLeast(1.2);
const AMONG_512: Budget = Budget::AtLeast(1.5);

/// Measures reads and writes at several numbers of tasks.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    fill(&server)?;
    let store = server.store(&runtime)?;
    let redis_rs = server.redis_rs(&runtime)?;
    let stock = server.stock_redis_rs(&runtime)?;

    let door = Door { runtime: &runtime, server: &server, store: &store, redis_rs: &redis_rs, stock: &stock };
    let pinned = server.on_one_core();
    let lone = if pinned.is_some() { "door, 1 task, one core" } else { "door, 1 task" };
    report.add(door.contest(lone, 1, Some(ALONE), plan)?);
    if let Some(pinned) = pinned {
        drop(pinned);
        // On all cores a lone task finds out how the machine wakes up: shown, not judged.
        report.add(door.contest("door, 1 task", 1, None, plan)?);
    }
    report.add(door.contest("door, 64 tasks", 64, Some(AMONG_64), plan)?);
    report.add(door.contest("door, 512 tasks", 512, Some(AMONG_512), plan)?);
    Ok(())
}

/// The ways to the server.
struct Door<'a> {
    runtime: &'a Runtime,
    server: &'a Server,
    store: &'a Store,
    redis_rs: &'a MultiplexedConnection,
    stock: &'a MultiplexedConnection,
}

impl Door<'_> {
    /// One contest; judged when it says what gathered reads must be worth.
    fn contest(&self, title: &str, tasks: usize, gathered: Option<Budget>, plan: &Plan) -> Result<Outcome> {
        let Self { runtime, server, store, redis_rs, stock } = *self;
        let load = (runtime, Load::tasks(tasks));
        let mut contest = Contest::new(title).watch(server, &["get", "mget", "incr"]);
        let raw_get = contest.enter("redis-rs GET", load, |caller| RawGet::new(redis_rs, caller));
        let stock_get = contest.enter("redis-rs GET, Nagle", load, |caller| RawGet::new(stock, caller));
        let read = contest.enter("GET gathered", load, |caller| DoorRead::new(store, caller));
        let alone = contest.enter("GET alone", load, |caller| DoorReadAlone::new(store, caller));
        let raw_incr = contest.enter("redis-rs INCR", load, |caller| RawIncr::new(redis_rs, caller));
        let incr = contest.enter("INCR once", load, |caller| DoorIncr::new(store, caller));
        let idle = contest.enter("load generator", load, |_| Nothing);

        let mut outcome = contest.run(plan)?;
        let single = gathered.map(|_| ALONE);
        outcome.compare(read, raw_get, THROUGHPUT, gathered);
        outcome.compare(alone, raw_get, THROUGHPUT, single);
        outcome.compare(incr, raw_incr, THROUGHPUT, single);
        outcome.compare(read, stock_get, THROUGHPUT, None);
        outcome.compare(stock_get, raw_get, THROUGHPUT, None);
        // Far above one: what drives the calls is not what is measured.
        outcome.compare(idle, read, THROUGHPUT, None);
        Ok(outcome)
    }
}

pub(super) fn fill(server: &Server) -> Result {
    let mut control = server.control();
    for id in 0..ITEMS {
        control.command(&[b"SET".to_vec(), item::name(id).into_bytes(), Item::json(id)?]);
    }
    Ok(())
}

/// Both sides make the name from the id, as a service must.
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
        let name = item::name(self.ids.next());
        let answer = redis::cmd("GET").arg(name).query_async::<Option<Bytes>>(&mut self.connection).await;
        matches!(answer, Ok(Some(_)))
    }
}

struct RawIncr {
    connection: MultiplexedConnection,
    ids: Ids,
}

impl RawIncr {
    fn new(connection: &MultiplexedConnection, caller: usize) -> Self {
        Self { connection: connection.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for RawIncr {
    async fn call(&mut self) -> bool {
        let name = format!("{PREFIX}:raw:hits:{{{}}}", self.ids.next());
        redis::cmd("INCR").arg(name).query_async::<i64>(&mut self.connection).await.is_ok()
    }
}

pub(super) struct DoorRead {
    store: Store,
    ids: Ids,
}

impl DoorRead {
    pub(super) fn new(store: &Store, caller: usize) -> Self {
        Self { store: store.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for DoorRead {
    async fn call(&mut self) -> bool {
        let read = Read(ITEM.key(&self.ids.next()));
        matches!(self.store.run(&read).await, Ok(Some(_)))
    }
}

struct DoorReadAlone {
    store: Store,
    ids: Ids,
}

impl DoorReadAlone {
    fn new(store: &Store, caller: usize) -> Self {
        Self { store: store.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for DoorReadAlone {
    async fn call(&mut self) -> bool {
        let read = ReadAlone(ITEM.key(&self.ids.next()));
        matches!(self.store.run(&read).await, Ok(Some(_)))
    }
}

struct DoorIncr {
    store: Store,
    ids: Ids,
}

impl DoorIncr {
    fn new(store: &Store, caller: usize) -> Self {
        Self { store: store.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for DoorIncr {
    async fn call(&mut self) -> bool {
        self.store.run(&Increment::of(self.ids.next())).await.is_ok()
    }
}

/// What a call costs that gives way once and does nothing.
struct Nothing;

impl Caller for Nothing {
    async fn call(&mut self) -> bool {
        tokio::task::yield_now().await;
        true
    }
}
