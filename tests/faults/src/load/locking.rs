//! Locks, taken and given back.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::{Fence, LockError, Locks};
use tokio::runtime::Handle;

use super::{Load, TASKS};
use crate::record::Mark;

const JOB: Entity<u64> = Entity::new(Category::Lock, "job").ttl(Ttl::minutes(1));
const LEASE: Ttl = Ttl::seconds(5);
/// A task goes through several locks, lest one that an unanswered question got stand in its way.
const LOCKS_PER_TASK: usize = 16;

pub(super) fn start(load: &Load, runtime: &Handle, ids: &[u64]) {
    let locks = Locks::new(load.store.clone());
    for own in ids.chunks(LOCKS_PER_TASK).take(TASKS) {
        let (worker, locks, truth) = (load.worker(), locks.clone(), Arc::clone(&load.truth));
        let own = own.to_vec();
        runtime.spawn(async move {
            let mut fences: HashMap<u64, Fence> = HashMap::with_capacity(2 * LOCKS_PER_TASK);
            for id in own.into_iter().cycle() {
                let Some(mut turn) = worker.turn().await else { return };
                let request = locks.lock(&JOB.key(&id)).ttl(LEASE).wait(Duration::ZERO);
                let granted = request.acquire().await;
                turn.note(granted.as_ref().map_or_else(mark, |_| Mark::Done));
                if let Ok(guard) = granted {
                    let fence = guard.fence();
                    // Each grant of a lock has a greater fence than all before it.
                    let is_new = fences.insert(id, fence).is_none_or(|former| former < fence);
                    truth.doubled.fetch_add(u64::from(!is_new), Ordering::SeqCst);
                    turn.again();
                    turn.note(guard.release().await.as_ref().map_or_else(mark, |_| Mark::Done));
                }
                drop(turn);
                worker.pace().await;
            }
        });
    }
}

fn mark(error: &LockError) -> Mark {
    match error {
        LockError::Unavailable(error) => Mark::Failed(error.kind()),
        LockError::Busy { .. } | LockError::TimedOut { .. } => Mark::Busy,
        _ => Mark::Lost,
    }
}
