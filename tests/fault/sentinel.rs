//! Sentinels that change the master.

use std::{sync::Arc, time::Duration};

use redstart_connection::{Append, Config, Credentials, Delivery, Event, Feed, Store};
use redstart_keys::{Category, Key, Ttl};
use redstart_testkit::{Sentinels, eventually, fresh_prefix};
use tokio::task::JoinSet;

use crate::support::{GUARD, HitAt, Tally, count_at};

fn config(sentinels: &Sentinels) -> Config {
    let addresses = sentinels.sentinel_addresses().into_iter().map(|address| address.to_string());
    let config = Config::sentinel(sentinels.master_name(), addresses);
    config.and_then(|config| config.with_prefix(&fresh_prefix())).unwrap()
}

async fn works(store: &Store) {
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_under_load_is_followed_and_doubles_nothing() {
    let sentinels = Sentinels::start();
    let store = Store::lazy(&config(&sentinels)).unwrap();
    works(&store).await;
    let mut events = store.events();
    let tally = Arc::new(Tally::default());
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (store, tally) = (store.clone(), Arc::clone(&tally));
        workers.spawn(async move {
            loop {
                tally.note(store.run(&HitAt(2)).await);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
    }
    let master = sentinels.failover().await;
    let told = tokio::time::timeout(GUARD, async {
        loop {
            if let Some(Event::Failover { to }) = events.next().await {
                return to;
            }
        }
    });
    assert_eq!(told.await.expect("the failover is told"), master.to_string());
    works(&store).await;
    drop(workers);
    let count = count_at(&store, 2).await.unwrap();
    let most = tally.most();
    assert!(count <= most, "{count} done of at most {most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn master_that_nobody_demotes_is_left_though_it_lost_its_place_right_after_the_first_call() {
    let sentinels = Sentinels::start();
    let old = sentinels.master();
    // The sentinels cannot tell it, so it goes on as before: only the news leads away from it.
    sentinels.raw(old).command(&["ACL", "SETUSER", "default", "-slaveof", "-replicaof"]);
    let config = config(&sentinels);
    let store = Store::lazy(&config).unwrap();
    works(&store).await;
    let mut sentinel = sentinels.raw(sentinels.sentinel_addresses()[0]);
    sentinel.command(&["SENTINEL", "FAILOVER", sentinels.master_name()]);
    eventually(GUARD, async || sentinels.master() != old).await;
    let other = Store::connect(&config).await.unwrap();
    eventually(GUARD, async || {
        // What one counts, the other sees, once both are at the same server.
        let counted = store.run(&HitAt(7)).await;
        counted.is_ok() && count_at(&other, 7).await.ok() == counted.ok()
    })
    .await;
    assert_ne!(sentinels.master(), old);
    assert_eq!(sentinels.raw(old).command(&["ROLE"]).array()[0].clone().text(), "master");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_frozen_masters_are_replaced() {
    let mut sentinels = Sentinels::start();
    let store = Store::lazy(&config(&sentinels)).unwrap();
    works(&store).await;
    let killed = sentinels.kill_master();
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
    assert_ne!(sentinels.master(), killed);
    sentinels.restart(killed);
    sentinels.wait_until_stable().await;
    let frozen = sentinels.freeze_master();
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
    assert_ne!(sentinels.master(), frozen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sentinel_is_enough_to_find_the_master() {
    let mut sentinels = Sentinels::start();
    let config = config(&sentinels);
    for sentinel in sentinels.sentinel_addresses().into_iter().take(2) {
        sentinels.kill(sentinel);
    }
    works(&Store::lazy(&config).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_servers_have_credentials_of_their_own() {
    let sentinels = Sentinels::configure().password("data").sentinel_password("watch").start();
    let config = config(&sentinels).with_password("data");
    let error = Store::lazy(&config).unwrap().run(&HitAt(1)).await.expect_err("the sentinels refuse");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("data") && !told.contains("watch"), "{told}");
    let config = config.with_sentinel_credentials(Credentials::password("watch"));
    works(&Store::lazy(&config).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_master_is_named() {
    let sentinels = Sentinels::start();
    let addresses = sentinels.sentinel_addresses().into_iter().map(|address| address.to_string());
    let store = Store::lazy(&Config::sentinel("nobody", addresses).unwrap()).unwrap();
    eventually(GUARD, async || {
        let error = store.run(&HitAt(1)).await.expect_err("nobody knows it");
        error.to_string().contains("nobody")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feed_reads_from_the_new_master_and_says_what_it_may_have_missed() {
    let sentinels = Sentinels::start();
    let store = Store::lazy(&config(&sentinels)).unwrap();
    works(&store).await;
    let news = Key::namespace(Category::Cache, "user", "inv");
    let mut feed = Feed::open(&store, news.clone());
    assert_eq!(feed.next().await.unwrap(), Delivery::Idle);
    sentinels.failover().await;
    works(&store).await;
    let append = Append::new(news, Ttl::hours(1)).field("n", "1");
    eventually(GUARD, async || store.run(&append).await.is_ok()).await;
    // Either the entry itself, or the word that something was lost; never silence.
    eventually(GUARD, async || matches!(feed.next().await, Ok(Delivery::Entries(_) | Delivery::Gap))).await;
}
