//! One token, shown to many processes.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    time::Duration,
};

use redstart_connection::{Clock, Config, Store};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_state::{ReplayGuard, Use};
use redstart_testkit::{fresh_prefix, shared};
use tokio::task::JoinSet;

use crate::support::GUARD;

const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));
const RACES: u64 = 1_000;
const PREFIX: &str = "REDSTART_REPLAY_PREFIX";
const URL: &str = "REDSTART_REPLAY_URL";
const START: &str = "REDSTART_REPLAY_START";

#[test]
fn of_four_processes_one_accepts_each_of_a_thousand_tokens() {
    let prefix = fresh_prefix();
    // So that all have begun when the first race does.
    let start = Clock::system().now().saturating_add(Duration::from_secs(4)).as_micros();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["state::replay::worker_process", "--exact", "--nocapture"])
                .env(PREFIX, &prefix)
                .env(URL, shared().url())
                .env(START, start.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut accepted = HashMap::<u64, usize>::new();
    let mut winners = 0;
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let tokens: Vec<u64> =
            text.lines().filter_map(|line| line.strip_prefix("accepted ")?.parse().ok()).collect();
        winners += usize::from(!tokens.is_empty());
        tokens.into_iter().for_each(|token| *accepted.entry(token).or_default() += 1);
    }
    assert_eq!(accepted.len(), 1_000);
    assert!(accepted.values().all(|times| *times == 1), "some were accepted twice");
    assert!(1 < winners, "they did not race");
}

/// The other half of the test above, run in processes of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    let Ok(prefix) = std::env::var(PREFIX) else { return };
    let config = Config::from_url(&std::env::var(URL).unwrap())
        .and_then(|config| config.with_prefix(&prefix))
        .unwrap();
    let store = Store::lazy(&config.with_command_timeout(GUARD).with_connect_timeout(GUARD)).unwrap();
    let guard = ReplayGuard::new(&store, &JTI);
    let start: u64 = std::env::var(START).unwrap().parse().unwrap();
    let expires_at =
        redstart_connection::Timestamp::from_micros(start).saturating_add(Duration::from_secs(600));
    tokio::time::sleep(Duration::from_micros(start.saturating_sub(store.clock().now().as_micros()))).await;
    for first in (0..RACES).step_by(50) {
        let mut races = JoinSet::new();
        for token in first..first + 50 {
            let guard = guard.clone();
            races.spawn(async move {
                let used = guard.first_use("https://issuer.example", &token.to_string(), expires_at).await;
                (used.unwrap() == Use::First).then_some(token)
            });
        }
        for token in races.join_all().await.into_iter().flatten() {
            println!("accepted {token}");
        }
    }
}
