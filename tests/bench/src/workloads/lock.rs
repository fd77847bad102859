//! Locks: a cycle that nobody disturbs, and the hand-off between those who wait.

mod floors;
mod handoff;

use std::time::Duration;

use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::Locks;
use rslock::LockManager;

use self::floors::{Fenced, Lean};
use super::node::NodePeer;
use crate::{
    Result,
    contest::{Contest, Plan},
    item::Ids,
    judge::{Budget, IN_COMMANDS, SERVER, THROUGHPUT},
    load::{self, Caller, Load},
    report::Report,
    server::{PREFIX, Server},
};

const LOCK: Entity<u64> = Entity::new(Category::Lock, "bench").ttl(Ttl::minutes(5));
const LEASE_MILLIS: u64 = 30_000;
const LEASE: Duration = Duration::from_millis(LEASE_MILLIS);

/// Measures uncontended cycles, and hand-offs to 2 and 16 waiters.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result {
    for tasks in [1, 64] {
        cycle(plan, report, tasks)?;
    }
    for waiters in [2, 16] {
        handoff::measure(plan, report, waiters)?;
    }
    Ok(())
}

fn cycle(plan: &Plan, report: &mut Report, tasks: usize) -> Result {
    let runtime = load::runtime()?;
    let server = Server::start();
    let connection = server.redis_rs(&runtime)?;
    let locks = Locks::new(server.store(&runtime)?);
    let redlock = NodePeer::start("redlock.mjs", &server.url(), tasks, LEASE_MILLIS)
        .inspect_err(|reason| eprintln!("redlock is left out: {reason}"))
        .ok();
    let manager = LockManager::new(vec![server.url()]);

    let load = (&runtime, Load::tasks(tasks));
    let mut contest =
        Contest::new(format!("lock cycle, {tasks} tasks")).watch(&server, &["evalsha", "eval", "set"]);
    let lean = contest.enter("SET NX PX + EVALSHA", load, |caller| Lean::new(&connection, caller));
    let fenced = contest.enter("fenced by EVALSHA", load, |caller| Fenced::new(&connection, caller));
    let ours = contest.enter("acquire + release", load, |caller| Ours::new(&locks, caller));
    let peer = contest.enter("rslock", load, |caller| Peer::new(&manager, caller));
    let node =
        redlock.as_ref().map(|redlock| contest.enter_process("redlock on Node", |slice| redlock.run(slice)));

    let mut outcome = contest.run(plan)?;
    outcome.compare(ours, lean, THROUGHPUT, Some(Budget::AtLeast(0.9)));
    outcome.compare(ours, fenced, THROUGHPUT, Some(Budget::AtLeast(0.9)));
    for floor in [lean, fenced] {
        outcome.compare(ours, floor, SERVER, None);
        outcome.compare(ours, floor, IN_COMMANDS, None);
    }
    outcome.compare(ours, peer, THROUGHPUT, None);
    if let Some(node) = node {
        outcome.compare(ours, node, THROUGHPUT, None);
    }
    report.add(outcome);
    Ok(())
}

struct Ours {
    locks: Locks,
    ids: Ids,
}

impl Ours {
    fn new(locks: &Locks, caller: usize) -> Self {
        Self { locks: locks.clone(), ids: Ids::uniform(caller) }
    }
}

impl Caller for Ours {
    async fn call(&mut self) -> bool {
        match self.locks.lock(&LOCK.key(&self.ids.next())).acquire().await {
            Ok(guard) => guard.release().await.is_ok(),
            Err(_) => false,
        }
    }
}

struct Peer {
    manager: LockManager,
    ids: Ids,
}

impl Peer {
    fn new(manager: &LockManager, caller: usize) -> Self {
        Self { manager: manager.clone(), ids: Ids::uniform(caller) }
    }
}

impl Caller for Peer {
    async fn call(&mut self) -> bool {
        let name = format!("{PREFIX}:peer:{{{}}}", self.ids.next());
        match self.manager.lock(&*name, LEASE).await {
            Ok(lock) => {
                self.manager.unlock(&lock).await;
                true
            }
            // Another caller has the same id at this moment.
            Err(_) => true,
        }
    }
}
