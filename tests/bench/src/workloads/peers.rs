//! Reads through the store's door and through what services use today, side by side.
//!
//! Each peer as its own documentation shows it, with its default sizes: what a service gets that takes it
//! off the shelf.

use bb8_redis::{RedisConnectionManager, bb8};
use bytes::Bytes;
use fred::prelude::{Builder, Client, ClientLike, Config as FredConfig, KeysInterface};
use redstart_connection::Store;
use tokio::runtime::Runtime;

use super::door::DoorRead;
use crate::{
    Result,
    contest::{Contest, Plan},
    item::{self, Ids},
    judge::THROUGHPUT,
    load::{self, Caller, Load},
    report::Report,
    server::Server,
};

/// Measures reads among 64 and 512 tasks.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    super::door::fill(&server)?;
    let peers = Peers::open(&runtime, &server)?;
    for tasks in [64, 512] {
        let load = (&runtime, Load::tasks(tasks));
        let mut contest = Contest::new(format!("peers, {tasks} tasks")).watch(&server, &["get", "mget"]);
        let ours = contest.enter("GET gathered", load, |caller| DoorRead::new(&peers.store, caller));
        let bb8 = contest.enter("bb8-redis, per command", load, |caller| Bb8Get::new(&peers.bb8, caller));
        let deadpool =
            contest.enter("deadpool-redis", load, |caller| DeadpoolGet::new(&peers.deadpool, caller));
        let fred = contest.enter("fred", load, |caller| FredGet::new(&peers.fred, caller));
        let mut outcome = contest.run(plan)?;
        for peer in [bb8, deadpool, fred] {
            outcome.compare(ours, peer, THROUGHPUT, None);
        }
        report.add(outcome);
    }
    Ok(())
}

struct Peers {
    store: Store,
    bb8: bb8::Pool<RedisConnectionManager>,
    deadpool: deadpool_redis::Pool,
    fred: Client,
}

impl Peers {
    fn open(runtime: &Runtime, server: &Server) -> Result<Self> {
        let (store, url) = (server.store(runtime)?, server.url());
        runtime.block_on(async {
            let bb8 = bb8::Pool::builder().build(RedisConnectionManager::new(url.as_str())?).await?;
            let deadpool =
                deadpool_redis::Config::from_url(&url).create_pool(Some(deadpool_redis::Runtime::Tokio1))?;
            let fred = Builder::from_config(FredConfig::from_url(&url)?).build()?;
            fred.init().await?;
            Ok(Self { store, bb8, deadpool, fred })
        })
    }
}

struct Bb8Get {
    pool: bb8::Pool<RedisConnectionManager>,
    ids: Ids,
}

impl Bb8Get {
    fn new(pool: &bb8::Pool<RedisConnectionManager>, caller: usize) -> Self {
        Self { pool: pool.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for Bb8Get {
    async fn call(&mut self) -> bool {
        let name = item::name(self.ids.next());
        let Ok(mut connection) = self.pool.get().await else { return false };
        let answer = redis::cmd("GET").arg(name).query_async::<Option<Bytes>>(&mut *connection).await;
        matches!(answer, Ok(Some(_)))
    }
}

struct DeadpoolGet {
    pool: deadpool_redis::Pool,
    ids: Ids,
}

impl DeadpoolGet {
    fn new(pool: &deadpool_redis::Pool, caller: usize) -> Self {
        Self { pool: pool.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for DeadpoolGet {
    async fn call(&mut self) -> bool {
        let name = item::name(self.ids.next());
        let Ok(mut connection) = self.pool.get().await else { return false };
        let answer = redis::cmd("GET").arg(name).query_async::<Option<Bytes>>(&mut connection).await;
        matches!(answer, Ok(Some(_)))
    }
}

struct FredGet {
    client: Client,
    ids: Ids,
}

impl FredGet {
    fn new(client: &Client, caller: usize) -> Self {
        Self { client: client.clone(), ids: Ids::zipf(caller) }
    }
}

impl Caller for FredGet {
    async fn call(&mut self) -> bool {
        let name = item::name(self.ids.next());
        matches!(self.client.get::<Option<Bytes>, _>(name).await, Ok(Some(_)))
    }
}
