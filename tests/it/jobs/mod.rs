//! Jobs: what was added is carried out, at least once.

mod killed;
mod leaving;
mod node;
mod places;
mod queue;
mod retrying;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use redstart_connection::Store;
use redstart_jobs::{Depth, Failure, Job, Jobs, Queue, Worker};
use redstart_keys::{Category, Entity, TextId};
use redstart_testkit::eventually;

use crate::support::{GUARD, store};

const EMAIL: Entity<TextId> = Entity::new(Category::Jobs, "email").persistent();

/// A queue under a prefix of its own.
async fn emails(store: &Store) -> Queue<u32> {
    Jobs::open(store).await.unwrap().with_deadline(GUARD).queue(&EMAIL)
}

/// What a worker did, in order.
#[derive(Clone, Debug)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn push(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    fn entries(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    async fn has(&self, count: usize) -> Vec<T> {
        eventually(GUARD, async || count <= self.entries().len()).await;
        self.entries()
    }
}

/// A worker that notes the data of what it does.
fn noting(queue: &Queue<u32>, log: &Log<u32>) -> Worker {
    let log = log.clone();
    let work = move |job: Job<u32>| {
        log.push(*job.data());
        async { Ok::<_, Failure>(()) }
    };
    queue.worker(work).with_lease(Duration::from_secs(1)).start()
}

/// Waits until the queue is as deep as this.
async fn is_deep<T>(queue: &Queue<T>, is_right: impl Fn(Depth) -> bool + Send + Sync) {
    eventually(GUARD, async || is_right(queue.depth().await.unwrap())).await;
}
