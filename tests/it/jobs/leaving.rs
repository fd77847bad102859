//! Workers that end in good order.

use std::{
    future::{pending, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use redstart_jobs::{Failure, Job, NewJob, Retry};
use tokio::sync::watch;

use super::{GUARD, Log, emails, is_deep, noting, store};

#[tokio::test]
async fn job_under_way_is_finished_before_the_worker_ends() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 1)).await.unwrap();
    let (go_on, waiting) = watch::channel(false);
    let noted = log.clone();
    let worker = queue.worker(move |_: Job<u32>| {
        let (mut waiting, noted) = (waiting.clone(), noted.clone());
        async move {
            noted.push("begun");
            waiting.wait_for(|go_on| *go_on).await?;
            noted.push("ended");
            Ok::<_, Failure>(())
        }
    });
    let worker = worker.start();
    log.has(1).await;
    let ending = worker.shutdown(GUARD);
    tokio::pin!(ending);
    assert!(is_pending(&mut ending).await, "it waits for the job");
    queue.add(NewJob::new("welcome", 2)).await.unwrap();
    go_on.send_replace(true);
    ending.await;
    assert_eq!(log.entries(), ["begun", "ended"]);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.completed, depth.waiting, depth.active), (1, 1, 0), "the second is for others");
}

/// Whether a future is not ready yet.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}

#[tokio::test]
async fn job_that_takes_too_long_is_given_back_without_having_failed() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 1).with_retry(Retry::NEVER)).await.unwrap();
    let noted = log.clone();
    let worker = queue.worker(move |job: Job<u32>| {
        noted.push(job.attempt());
        pending::<Result<(), Failure>>()
    });
    let worker = worker.start();
    log.has(1).await;

    worker.shutdown(Duration::ZERO).await;

    is_deep(&queue, |depth| depth.waiting == 1 && depth.active == 0 && depth.dead == 0).await;
    let done = Log::new();
    let successor = noting(&queue, &done);
    assert_eq!(done.has(1).await, [1]);
    successor.shutdown(GUARD).await;
}

#[tokio::test]
async fn shutdown_of_the_store_ends_its_workers() {
    let (mine, others) = (store(), store());
    let prefix = redstart_jobs::Jobs::open(&mine).await.unwrap().prefix().to_owned();
    let (queue, log) = (emails(&mine).await, Log::new());
    let worker = noting(&queue, &log);
    queue.add(NewJob::new("welcome", 1)).await.unwrap();
    log.has(1).await;

    let shutdown = mine.shutdown(GUARD).await;

    assert!(shutdown.is_clean() && worker.has_ended(), "{shutdown:?}");
    let left = redstart_jobs::Jobs::open(&others).await.unwrap().with_prefix(&prefix).unwrap();
    let left = left.queue::<u32>(&super::EMAIL).depth().await.unwrap();
    assert_eq!((left.completed, left.active), (1, 0));
}
