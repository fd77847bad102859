//! Worker processes that are killed.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redstart_connection::{Config, Store};
use redstart_jobs::{Failure, Job, Jobs, NewJob, Queue, Retry};
use redstart_testkit::{RedisServer, fresh_prefix};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{EMAIL, GUARD, is_deep};

const URL: &str = "REDSTART_JOBS_WORKER_URL";
const PREFIX: &str = "REDSTART_JOBS_WORKER_PREFIX";
/// The jobs whose data is below this are never ended by a worker process.
const HANGS: &str = "REDSTART_JOBS_WORKER_HANGS";
const LEASE: Duration = Duration::from_millis(800);

/// A process that carries out jobs, and tells of each that it begins.
struct Process(Child);

impl Process {
    fn start(server: &RedisServer, prefix: &str, hangs: u32, begun: UnboundedSender<u32>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["jobs::killed::worker_process", "--exact", "--nocapture"])
            .env(URL, server.url())
            .env(PREFIX, prefix)
            .env(HANGS, hangs.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        std::thread::spawn(move || {
            for job in lines.filter_map(|line| line.strip_prefix("begun ")?.parse().ok()) {
                // Who listens may have seen enough.
                let _told = begun.send(job);
            }
        });
        Self(child)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The other half of the tests below, run in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn worker_process() {
    let variable = |name| std::env::var(name).ok();
    let (Some(url), Some(prefix), Some(hangs)) = (variable(URL), variable(PREFIX), variable(HANGS)) else {
        return;
    };
    let store = Store::lazy(&config(&url, &prefix)).unwrap();
    let hangs: u32 = hangs.parse().unwrap();
    let worker = queue(&store).await.worker(move |job: Job<u32>| async move {
        let job = *job.data();
        writeln!(std::io::stdout().lock(), "\nbegun {job}")?;
        if job < hangs {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok::<_, Failure>(())
    });
    worker.with_lease(LEASE).with_crashes(2).with_concurrency(2).start();
    std::future::pending::<()>().await;
}

fn config(url: &str, prefix: &str) -> Config {
    Config::from_url(url).and_then(|config| config.with_prefix(prefix)).unwrap().with_command_timeout(GUARD)
}

async fn queue(store: &Store) -> Queue<u32> {
    Jobs::open(store).await.unwrap().queue(&EMAIL)
}

async fn next(begun: &mut UnboundedReceiver<u32>) -> u32 {
    tokio::time::timeout(GUARD, begun.recv()).await.expect("a worker begins a job").unwrap()
}

#[tokio::test]
async fn job_of_a_killed_worker_is_taken_over() {
    let (server, prefix) = (RedisServer::start(), fresh_prefix());
    let store = Store::lazy(&config(&server.url(), &prefix)).unwrap();
    let emails = queue(&store).await;
    let (sender, mut begun) = unbounded_channel();
    let mut first = Process::start(&server, &prefix, 1, sender.clone());
    emails.add(NewJob::new("welcome", 0).with_retry(Retry::NEVER)).await.unwrap();
    assert_eq!(next(&mut begun).await, 0);
    first.kill();
    assert_eq!(emails.depth().await.unwrap().active, 1, "the killed worker has it still");

    let _second = Process::start(&server, &prefix, 0, sender);

    assert_eq!(next(&mut begun).await, 0);
    is_deep(&emails, |depth| depth.completed == 1 && depth.active == 0).await;
    assert_eq!(emails.depth().await.unwrap().dead, 0, "a worker that died is no failed attempt");
}

#[tokio::test]
async fn job_that_outlives_its_workers_too_often_is_dead() {
    let (server, prefix) = (RedisServer::start(), fresh_prefix());
    let store = Store::lazy(&config(&server.url(), &prefix)).unwrap();
    let emails = queue(&store).await;
    emails.add(NewJob::new("welcome", 0)).await.unwrap();
    let (sender, mut begun) = unbounded_channel();
    for _ in 0..3 {
        let mut process = Process::start(&server, &prefix, 1, sender.clone());
        assert_eq!(next(&mut begun).await, 0);
        process.kill();
    }
    let _last = Process::start(&server, &prefix, 1, sender);
    is_deep(&emails, |depth| depth.dead == 1).await;
    let dead = emails.dead(0, 1).await.unwrap();
    assert!(dead[0].reason().contains("stalled more than allowable limit"), "{dead:?}");
}

#[tokio::test]
async fn every_job_is_carried_out_while_workers_are_killed() {
    const JOBS: u32 = 60;
    let (server, prefix) = (RedisServer::start(), fresh_prefix());
    let store = Store::lazy(&config(&server.url(), &prefix)).unwrap();
    let emails = queue(&store).await;
    let (sender, mut begun) = unbounded_channel();
    let start = || Process::start(&server, &prefix, 0, sender.clone());
    let mut processes = [start(), start()];
    for job in 0..JOBS {
        emails.add(NewJob::new("welcome", job)).await.unwrap();
        if job % 15 == 14 {
            // In the middle of its work, since it tells of a job when it begins.
            let mut seen = next(&mut begun).await;
            while let Ok(later) = begun.try_recv() {
                seen = later;
            }
            let victim = usize::from(seen % 2 == 0);
            processes[victim].kill();
            processes[victim] = start();
        }
    }
    is_deep(&emails, |depth| depth.completed == u64::from(JOBS)).await;
    let depth = emails.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.active, depth.delayed, depth.dead), (0, 0, 0, 0));
}
