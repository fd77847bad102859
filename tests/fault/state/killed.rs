//! A process that is killed in the middle of its work.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redstart_connection::Clock;
use redstart_keys::Ttl;
use redstart_state::{Begun, Fingerprint, Idempotency};
use redstart_testkit::RedisServer;

use super::{WORK, patient, prefix};
use crate::support::GUARD;

const URL: &str = "REDSTART_STATE_WORKER_URL";
const PREFIX: &str = "REDSTART_STATE_WORKER_PREFIX";
const LEASE: Ttl = Ttl::millis(1_000);

fn request() -> Fingerprint {
    Fingerprint::of(&[b"request"])
}

fn now() -> Duration {
    Duration::from_micros(Clock::system().now().as_micros())
}

/// Starts a process that begins the work, says so, and works for ever.
fn worker(server: &RedisServer, prefix: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["state::killed::worker_process", "--exact", "--nocapture"])
        .env(URL, server.url())
        .env(PREFIX, prefix)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("working")), "the worker begins");
    std::thread::spawn(move || lines.for_each(drop));
    child
}

#[tokio::test]
async fn repeat_of_killed_work_runs_once_the_lease_has_ended_and_never_beside_it() {
    let server = RedisServer::start();
    let prefix = prefix();
    let mut child = worker(&server, &prefix);
    let work = Idempotency::new(&patient(&server, &prefix), &WORK).with_lease(LEASE);
    // For three leases it is at work, and nobody else may begin.
    let until = now() + 3 * LEASE.as_duration();
    while now() < until {
        assert!(matches!(work.begin(&1, &request()).await.unwrap(), Begun::Running { .. }));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = now();
    let mut granted = Vec::new();
    while granted.is_empty() {
        assert!(now() < killed + GUARD, "the lease ends by itself");
        let asked = [(); 4].map(|()| ());
        for () in asked {
            if let Begun::New(run) = work.begin(&1, &request()).await.unwrap() {
                granted.push((run, now()));
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(granted.len(), 1, "one repeat begins, and no other beside it");
    let (run, at) = granted.remove(0);
    // Its last renewal was at most a third of the lease before it was killed.
    assert!(killed + LEASE.as_duration() / 2 < at, "it began {:?} after the kill", at - killed);
    assert!(run.complete("done".into()).await.unwrap());
    assert!(matches!(work.begin(&1, &request()).await.unwrap(), Begun::Done(answer) if answer == "done"));
}

/// The other half of the test above, run in a process of its own.
#[tokio::test]
async fn worker_process() {
    let (Ok(url), Ok(prefix)) = (std::env::var(URL), std::env::var(PREFIX)) else { return };
    let config =
        redstart_connection::Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
    let store = redstart_connection::Store::lazy(&config).unwrap();
    let work = Idempotency::new(&store, &WORK).with_lease(LEASE);
    let Begun::New(run) = work.begin(&1, &request()).await.unwrap() else { panic!("the first begins") };
    println!("working");
    run.validity().while_valid(std::future::pending::<()>()).await.unwrap_err();
    panic!("it is killed before it loses its lease");
}
