//! What happens to a job that fails.

use std::time::Duration;

use redstart_jobs::{Failure, Job, Jobs, NewJob, Queue, Retry};
use redstart_testkit::shared;

use super::{EMAIL, GUARD, Log, emails, is_deep, store};

#[tokio::test]
async fn failed_job_is_tried_again_after_growing_rests_and_then_dead() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    let retry = Retry::growing(4, Duration::from_millis(150));
    let id = queue.add(NewJob::new("welcome", 7).with_retry(retry)).await.unwrap();
    let (noted, clock) = (log.clone(), store.clock().clone());
    let worker = queue.worker(move |job: Job<u32>| {
        noted.push((job.attempt(), job.is_last_attempt(), clock.now()));
        async { Err::<(), _>(Failure::new("the mail server is away")) }
    });
    let worker = worker.start();

    is_deep(&queue, |depth| depth.dead == 1).await;

    let tried = log.entries();
    assert_eq!(tried.iter().map(|(attempt, ..)| *attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(tried.iter().map(|(_, is_last, _)| *is_last).collect::<Vec<_>>(), [false, false, false, true]);
    for (failed, pair) in tried.windows(2).enumerate() {
        let rest = retry.rest_after(u32::try_from(failed).unwrap() + 1).unwrap();
        // The server's time is told in whole milliseconds.
        let rested = pair[1].2.since(pair[0].2) + Duration::from_millis(1);
        assert!(rest <= rested, "{rested:?} after failure {failed}");
    }
    let dead = queue.dead(0, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].id(), dead[0].name()), (1, id.as_str(), "welcome"));
    assert_eq!((dead[0].data(), dead[0].attempts()), (&7.into(), 4));
    assert_eq!(dead[0].reason(), "the mail server is away");
    assert!(dead[0].died_at().is_some());
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn revived_job_has_all_its_attempts_again() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    let id = queue.add(NewJob::new("welcome", 7).with_retry(Retry::NEVER)).await.unwrap();
    let noted = log.clone();
    let worker = queue.worker(move |job: Job<u32>| {
        let is_first = noted.entries().is_empty();
        noted.push(job.attempt());
        async move { if is_first { Err(Failure::new("not yet")) } else { Ok(()) } }
    });
    let worker = worker.start();
    is_deep(&queue, |depth| depth.dead == 1).await;

    assert!(queue.revive(&id).await.unwrap());

    is_deep(&queue, |depth| depth.completed == 1 && depth.dead == 0).await;
    assert_eq!(log.entries(), [1, 1]);
    assert!(!queue.revive(&id).await.unwrap(), "it is not dead");
    assert!(!queue.revive("nobody").await.unwrap());
    assert!(queue.dead(0, 10).await.unwrap().is_empty());
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn what_cannot_succeed_is_dead_at_once() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 7)).await.unwrap();
    // Another program may have put in what is no number.
    let text: Queue<String> = Jobs::open(&store).await.unwrap().queue(&EMAIL);
    text.add(NewJob::new("odd", "seven".to_owned())).await.unwrap();
    let noted = log.clone();
    let worker = queue.worker(move |job: Job<u32>| {
        noted.push(*job.data());
        async { Err::<(), _>(Failure::for_good("there is no such user")) }
    });
    let worker = worker.start();
    is_deep(&queue, |depth| depth.dead == 2).await;
    assert_eq!(log.entries(), [7], "one attempt, and none at what can't be read");
    let mut reasons: Vec<String> =
        queue.dead(0, 10).await.unwrap().iter().map(|dead| dead.reason().to_owned()).collect();
    reasons.sort();
    assert!(reasons[0].starts_with("the data of odd can't be read: invalid type: string"), "{reasons:?}");
    assert_eq!(reasons[1], "there is no such user");
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn panic_is_a_failed_attempt_and_not_the_end_of_the_job() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 7).with_retry(Retry::steady(2, Duration::ZERO))).await.unwrap();
    let noted = log.clone();
    let worker = queue.worker(move |job: Job<u32>| {
        let (noted, attempt) = (noted.clone(), job.attempt());
        async move {
            noted.push(attempt);
            assert!(attempt > 1, "the first attempt panics");
            Ok::<_, Failure>(())
        }
    });
    let worker = worker.start();
    is_deep(&queue, |depth| depth.completed == 1 && depth.active == 0).await;
    assert_eq!(log.entries(), [1, 2]);
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn finished_jobs_are_kept_within_bounds() {
    let store = store();
    let jobs = Jobs::open(&store).await.unwrap();
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 7).with_id("seven")).await.unwrap();
    let key = format!("{}:email:seven", jobs.prefix());
    let options = shared().raw().command(&["HGET", &key, "opts"]).text();
    let options: serde_json::Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["removeOnComplete"], serde_json::json!({ "age": 3_600, "count": 1_000 }));
    assert_eq!(options["removeOnFail"], serde_json::json!({ "age": 1_209_600, "count": 10_000 }));
}
