//! Adding jobs, and what the queue says of them.

use std::time::Duration;

use redstart_connection::{Config, ErrorKind, Store};
use redstart_jobs::{Jobs, JobsError, NewJob, Queue};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_testkit::{RedisServer, shared};

use super::{EMAIL, GUARD, Log, emails, is_deep, noting, store};
use crate::support::{config, config_for};

#[tokio::test]
async fn job_is_carried_out_with_what_it_was_given() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    for n in 0..20 {
        queue.add(NewJob::new("welcome", n)).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap().waiting, 20);

    let worker = noting(&queue, &log);

    let mut done = log.has(20).await;
    done.sort_unstable();
    assert_eq!(done, (0..20).collect::<Vec<_>>());
    is_deep(&queue, |depth| depth.completed == 20 && depth.waiting + depth.active + depth.dead == 0).await;
    worker.shutdown(GUARD).await;
    assert!(worker.has_ended());
}

#[tokio::test]
async fn delayed_job_waits_for_its_time() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    let delay = Duration::from_millis(700);
    let added_at = store.clock().now();
    queue.add(NewJob::new("reminder", 1).after(delay)).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().delayed, 1);
    let (begun, clock) = (log.clone(), store.clock().clone());
    let worker = queue.worker(move |_| {
        begun.push(clock.now());
        async { Ok(()) }
    });
    let worker = worker.start();

    let begun_at = log.has(1).await[0];

    // The server's time is told in whole milliseconds.
    assert!(delay <= begun_at.since(added_at) + Duration::from_millis(1), "{:?}", begun_at.since(added_at));
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn jobs_of_one_id_are_one() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    for n in 0..3 {
        assert_eq!(queue.add(NewJob::new("welcome", n).with_id("user-7")).await.unwrap(), "user-7");
    }
    assert_eq!(queue.depth().await.unwrap().waiting, 1);
    let refused = queue.add(NewJob::new("welcome", 1).with_id("a:b")).await.unwrap_err();
    assert!(
        matches!(&refused, JobsError::Refused { what } if what.contains("':'") || what.contains(':')),
        "{refused}"
    );
    let worker = noting(&queue, &log);
    assert_eq!(log.has(1).await, [0]);
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn smaller_number_goes_first_and_none_before_it() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 3).with_priority(9)).await.unwrap();
    queue.add(NewJob::new("welcome", 2).with_priority(4)).await.unwrap();
    queue.add(NewJob::new("welcome", 1)).await.unwrap();
    let noted = log.clone();
    let worker = queue.worker(move |job| {
        noted.push(*job.data());
        async { Ok(()) }
    });
    let worker = worker.with_concurrency(1).start();
    assert_eq!(log.has(3).await, [1, 2, 3]);
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn removed_job_is_not_carried_out() {
    let (store, log) = (store(), Log::new());
    let queue = emails(&store).await;
    let id = queue.add(NewJob::new("welcome", 1)).await.unwrap();
    queue.add(NewJob::new("welcome", 2)).await.unwrap();
    assert!(queue.remove(&id).await.unwrap());
    let worker = noting(&queue, &log);
    is_deep(&queue, |depth| depth.completed == 1).await;
    assert_eq!(log.entries(), [2]);
    worker.shutdown(GUARD).await;
}

#[tokio::test]
async fn queues_of_two_prefixes_know_nothing_of_each_other() {
    let (one, other) = (store(), store());
    let jobs = Jobs::open(&one).await.unwrap();
    assert_eq!(jobs.prefix(), format!("{{{}/jobs}}", one.prefix().as_str().replace(':', "/")));
    emails(&one).await.add(NewJob::new("welcome", 1)).await.unwrap();
    assert_eq!(emails(&other).await.depth().await.unwrap().waiting, 0);
    for wrong in ["", "prod:ecom"] {
        let refused = jobs.clone().with_prefix(wrong).unwrap_err();
        assert!(refused.to_string().contains("must not be empty or hold a colon"), "{refused}");
    }
    let shared_prefix = one.prefix().as_str().replace(':', "-");
    let queue: Queue<u32> = jobs.with_prefix(&shared_prefix).unwrap().queue(&EMAIL);
    queue.add(NewJob::new("welcome", 2)).await.unwrap();
    let names = shared().raw().keys(&shared_prefix);
    assert!(names.contains(&format!("{shared_prefix}:email:wait")), "{names:?}");
}

#[tokio::test]
async fn every_key_of_a_queue_is_below_what_is_declared_persistent() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (store, log) = (Store::lazy(&config).unwrap(), Log::new());
    let queue = emails(&store).await;
    queue.add(NewJob::new("welcome", 1)).await.unwrap();
    queue.add(NewJob::new("welcome", 2).after(Duration::from_secs(60))).await.unwrap();
    let worker = noting(&queue, &log);
    is_deep(&queue, |depth| depth.completed == 1).await;
    worker.shutdown(GUARD).await;
    let names = server.raw().keys_without_ttl("");
    let everything = server.raw().command(&["KEYS", "*"]).array();
    let below = format!("{}:email:", Jobs::open(&store).await.unwrap().prefix());
    assert!(!everything.is_empty());
    for name in everything.into_iter().map(redstart_testkit::Reply::text) {
        assert!(name.starts_with(&below), "{name} is not below {below}; without a TTL: {names:?}");
    }
}

#[tokio::test]
async fn stores_without_a_server_of_their_own_say_so() {
    let socket = RedisServer::configure().unix_socket().start();
    let socket = Config::from_url(&format!("unix://{}", socket.unix_socket().display())).unwrap();
    for (store, why) in [
        (Store::memory(), "the embedded store has no server; name one by REDIS_URL"),
        (
            Store::lazy(&Config::rest("http://127.0.0.1:1", "token").unwrap()).unwrap(),
            "REST leads to commands",
        ),
        (Store::lazy(&socket).unwrap(), "name the server by host and port"),
    ] {
        let error = Jobs::open(&store).await.unwrap_err();
        let JobsError::NoServer(cause) = &error else { panic!("{error:?}") };
        assert_eq!(cause.kind(), ErrorKind::Unsupported);
        assert!(cause.to_string().contains(why) && !error.is_transient(), "{cause}");
    }
}

#[tokio::test]
async fn server_that_is_away_is_told_within_the_deadline_and_used_when_it_is_back() {
    let mut server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let queue: Queue<u32> =
        Jobs::open(&store).await.unwrap().with_deadline(Duration::from_millis(300)).queue(&EMAIL);
    server.kill();
    let error = queue.add(NewJob::new("welcome", 1)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    server.restart();
    redstart_testkit::eventually(GUARD, async || {
        queue.add(NewJob::new("welcome", 1).with_id("one")).await.is_ok()
    })
    .await;
    assert_eq!(queue.depth().await.unwrap().waiting, 1);
}

#[tokio::test]
#[should_panic(expected = "cache:user is no queue")]
async fn declaration_of_another_category_is_no_queue() {
    const USER: Entity<TextId> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    let store = Store::lazy(&config()).unwrap();
    let _queue: Queue<u32> = Jobs::open(&store).await.unwrap().queue(&USER);
}

#[tokio::test]
#[should_panic(expected = "jobs must not expire")]
async fn queue_that_expires_is_none() {
    const FLEETING: Entity<TextId> = Entity::new(Category::Jobs, "email").ttl(Ttl::hours(1));
    let store = Store::lazy(&config()).unwrap();
    let _queue: Queue<u32> = Jobs::open(&store).await.unwrap().queue(&FLEETING);
}
