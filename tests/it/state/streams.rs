//! Streams of events, over processes and over what befalls the server.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_state::{Event, EventStream, Follower, Heard};
use redstart_testkit::{RedisServer, TimeMachine, eventually, fresh_prefix};

use crate::support::{GUARD, config, config_for};

const CHANGES: Entity<u8> = Entity::new(Category::Jobs, "changes").ttl(Ttl::hours(1));
const URL: &str = "REDSTART_STREAM_WORKER_URL";
const PREFIX: &str = "REDSTART_STREAM_WORKER_PREFIX";
const PATIENCE: Duration = Duration::from_millis(500);

fn changes(store: &Store) -> EventStream<u32> {
    EventStream::new(store, &CHANGES, &1)
}

/// What a follower hears until `last`, `None` for what is missing; errors pass.
async fn heard(follower: &mut Follower<u32>, last: u32) -> Vec<Option<u32>> {
    let mut heard = Vec::new();
    while heard.last() != Some(&Some(last)) {
        match tokio::time::timeout(GUARD, follower.next()).await.expect("something is heard") {
            Ok(Some(Heard::Event(event))) => heard.push(Some(event.into_value())),
            Ok(Some(Heard::Missed)) => heard.push(None),
            Ok(None) => panic!("nobody shut the store down"),
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    heard
}

fn all(values: std::ops::Range<u32>) -> Vec<Option<u32>> {
    values.map(Some).collect()
}

#[tokio::test]
async fn followers_in_all_processes_hear_everything_in_order() {
    let config = config();
    let (here, there) = (Store::lazy(&config).unwrap(), Store::lazy(&config).unwrap());
    let (mine, other) = (changes(&here), changes(&there));
    let (mut first, mut second) = (mine.follow().await.unwrap(), other.follow().await.unwrap());
    for value in 0..300 {
        let stream = if value % 2 == 0 { &mine } else { &other };
        stream.publish(&value).await.unwrap();
    }
    assert_eq!(heard(&mut first, 299).await, all(0..300));
    assert_eq!(heard(&mut second, 299).await, all(0..300));
    // Who comes back goes on from what it saw, whether others still follow or not.
    let seen = first.seen();
    drop((first, second));
    mine.publish(&300).await.unwrap();
    assert_eq!(heard(&mut other.follow_after(seen), 300).await, all(300..301));
}

#[tokio::test]
async fn follower_goes_on_after_the_server_was_away() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().to_str().unwrap();
    let mut server = RedisServer::configure().option("appendonly", "yes").option("dir", kept).start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let stream = changes(&store);
    let mut follower = stream.follow().await.unwrap();
    stream.publish(&0).await.unwrap();
    assert_eq!(heard(&mut follower, 0).await, all(0..1));
    server.kill();
    server.restart();
    eventually(GUARD, async || stream.publish(&1).await.is_ok()).await;
    stream.publish(&2).await.unwrap();
    let mut later = heard(&mut follower, 2).await;
    // One whose answer was lost with the server may have been told twice.
    later.dedup();
    assert_eq!(later, all(1..3));
}

#[tokio::test]
async fn what_is_lost_with_the_server_is_said() {
    let mut server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let stream = changes(&store);
    let mut follower = stream.follow().await.unwrap();
    stream.publish(&0).await.unwrap();
    assert_eq!(heard(&mut follower, 0).await, all(0..1));
    // It keeps nothing on its disk.
    server.restart();
    eventually(GUARD, async || stream.publish(&1).await.is_ok()).await;
    let later = heard(&mut follower, 1).await;
    assert!(later.contains(&None), "{later:?}");
}

#[tokio::test]
async fn every_key_of_a_stream_ends() {
    let server = RedisServer::start();
    let mut time = TimeMachine::new(&server, &fresh_prefix());
    let config = config_for(&server).with_prefix(time.prefix()).unwrap();
    let store = Store::lazy_with(&config, time.clock()).unwrap();
    let stream = changes(&store);
    stream.publish(&1).await.unwrap();
    let mut consumer = stream.consumer("mail");
    consumer.next().await.unwrap();
    // A group of a stream that nobody wrote to yet.
    let silent = EventStream::<u32>::new(&store, &CHANGES, &2);
    let mut waiting = silent.consumer("mail");
    let mut raw = server.raw();
    tokio::select! {
        events = waiting.next() => panic!("there is nothing, but {events:?}"),
        () = eventually(GUARD, async || raw.keys(time.prefix()).len() == 2) => {}
    }
    assert_eq!(raw.keys_without_ttl(time.prefix()), Vec::<String>::new());
    time.advance(Duration::from_secs(24 * 3600));
    assert_eq!(raw.keys(time.prefix()), Vec::<String>::new());
}

#[tokio::test]
async fn consumers_that_died_leave_no_names_behind() {
    const FLEETING: Entity<u8> = Entity::new(Category::Jobs, "fleeting").ttl(Ttl::millis(400));
    let server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let stream = EventStream::<u32>::new(&store, &FLEETING, &1);
    let key = String::from_utf8(store.name_of(&FLEETING.key(&1))).unwrap();
    let names = || server.raw().command(&["XINFO", "CONSUMERS", &key, "mail"]).array().len();
    let mut leaves = stream.consumer("mail");
    stream.publish(&0).await.unwrap();
    leaves.next().await.unwrap();
    assert_eq!(leaves.leave().await.unwrap(), 1, "it settled nothing");
    let mut stays = stream.consumer("mail").with_patience(Duration::from_millis(100));
    for dies in [stream.consumer("mail"), stream.consumer("mail")] {
        stream.publish(&1).await.unwrap();
        let mut dies = dies.with_most(1);
        let events = dies.next().await.unwrap().unwrap();
        dies.settle(events[0].id()).await.unwrap();
    }
    assert!(2 <= names(), "the dead are known still");
    eventually(GUARD, async || {
        stream.publish(&2).await.unwrap();
        let events = stays.next().await.unwrap().unwrap();
        stays.settle_all(events.iter().map(Event::id)).await.unwrap();
        // The one that stays, and the one who has what nobody has.
        names() <= 2
    })
    .await;
}

/// A process that takes events and settles all but those below 3, of which it tells.
struct Process(Child, Receiver<u32>);

impl Process {
    fn start(server: &RedisServer, prefix: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["state::streams::consumer_process", "--exact", "--nocapture"])
            .env(URL, server.url())
            .env(PREFIX, prefix)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (sender, taken) = channel();
        std::thread::spawn(move || {
            for event in lines.filter_map(|line| line.strip_prefix("taken ")?.parse().ok()) {
                // Who listens may have seen enough.
                let _told = sender.send(event);
            }
        });
        Self(child, taken)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed before.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The other half of the test below, run in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn consumer_process() {
    let (Ok(url), Ok(prefix)) = (std::env::var(URL), std::env::var(PREFIX)) else { return };
    let config = Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
    let store = Store::lazy(&config.with_command_timeout(GUARD)).unwrap();
    let mut consumer = changes(&store).consumer("mail").with_patience(PATIENCE);
    while let Some(events) = consumer.next().await.unwrap() {
        for event in events {
            writeln!(std::io::stdout().lock(), "\ntaken {}", event.value()).unwrap();
            if *event.value() >= 3 {
                consumer.settle(event.id()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn events_of_a_killed_consumer_are_taken_over() {
    let (server, prefix) = (RedisServer::start(), fresh_prefix());
    let store = Store::lazy(&config_for(&server).with_prefix(&prefix).unwrap()).unwrap();
    let stream = changes(&store);
    let process = Process::start(&server, &prefix);
    for value in 0..6 {
        stream.publish(&value).await.unwrap();
    }
    let mut taken = Vec::new();
    eventually(GUARD, async || {
        taken.extend(process.1.try_iter());
        taken.len() == 6
    })
    .await;
    drop(process);

    let mut consumer = stream.consumer("mail").with_patience(PATIENCE);
    let mut recovered = BTreeMap::new();
    while recovered.len() < 3 {
        let events = tokio::time::timeout(GUARD, consumer.next()).await.unwrap().unwrap().unwrap();
        for event in &events {
            recovered.insert(*event.value(), event.times());
        }
        consumer.settle_all(events.iter().map(Event::id)).await.unwrap();
    }
    assert_eq!(recovered.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "those that were settled stay so");
    assert!(recovered.values().all(|times| *times == 2), "{recovered:?}");
    // What is published from now on is taken without any wait for the patience.
    stream.publish(&7).await.unwrap();
    let events = tokio::time::timeout(GUARD, consumer.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(events.iter().map(|event| *event.value()).collect::<Vec<_>>(), [7]);
}
