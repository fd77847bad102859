//! Old values and changes on terms, between processes; each store here is a process of its own.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
};

use redstart_cache::{Cache, Cached, Freshness, L1, LoadError, Loaded, Source, declare};
use redstart_connection::{Config, Store};
use redstart_keys::{Catalogue, Category, Entity, Ttl};
use redstart_testkit::eventually;
use tokio::{sync::oneshot, task::yield_now};

use crate::support::{GUARD, config};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const PROJECT: Entity<u64> = Entity::new(Category::Cache, "project").ttl(Ttl::hours(1)).falls_with(&["user"]);
const SHOWN: Freshness =
    Freshness::new().stale_while_revalidate(Ttl::minutes(5)).stale_if_error(Ttl::minutes(5));

type Users = Cache<u64, String>;

async fn process(config: &Config) -> Users {
    let users = Users::builder(&Store::lazy(config).unwrap(), &USER).freshness(SHOWN).build();
    users.ready().await;
    users
}

fn load(value: &str) -> Ready<Result<String, Infallible>> {
    ready(Ok(value.to_owned()))
}

async fn read(users: &Users, or: &str) -> Cached<String> {
    users.get_or_load(&1, || load(or)).await.unwrap().unwrap()
}

async fn fails(users: &Users) -> Result<Option<Cached<String>>, LoadError<io::Error>> {
    users.get_or_load(&1, || async { Err::<String, _>(io::Error::other("away")) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_reaches_the_memory_of_others_and_lets_them_show_it_as_old() {
    let config = config();
    let (left, right) = (process(&config).await, process(&config).await);
    read(&left, "a").await;
    assert_eq!(read(&right, "never").await.source(), Source::L2);
    assert_eq!(read(&right, "never").await.source(), Source::L1);
    assert!(left.expire(&1).await.unwrap().l2);
    eventually(GUARD, async || right.get(&1).await.unwrap().is_none()).await;
    let old = fails(&right).await.unwrap().unwrap();
    assert_eq!((old.as_str(), old.is_stale()), ("a", true));
    // Whoever replaces it does so for all.
    let (go, gate) = oneshot::channel();
    let slow = |_| async {
        let _open = gate.await;
        load("b").await
    };
    let right = process(&config).await;
    assert_eq!(right.entry(&1).fetch(slow).await.unwrap().unwrap().as_str(), "a");
    go.send(()).unwrap();
    eventually(GUARD, async || right.get(&1).await.unwrap().is_some()).await;
    assert_eq!(read(&left, "never").await.as_str(), "b");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalidated_elsewhere_is_not_shown_as_old() {
    let config = config();
    for l1 in [L1::off(), L1::entries(100)] {
        let left = process(&config).await;
        let right = Users::builder(&Store::lazy(&config).unwrap(), &USER).freshness(SHOWN).l1(l1).build();
        right.ready().await;
        read(&left, "a").await;
        read(&right, "never").await;
        left.expire(&1).await.unwrap();
        eventually(GUARD, async || right.get(&1).await.unwrap().is_none()).await;
        assert!(fails(&right).await.unwrap().unwrap().is_stale());
        left.invalidate(&1).await.unwrap();
        eventually(GUARD, async || fails(&right).await.is_err()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_value_is_found_on_the_server_by_whoever_did_not_load_it() {
    let config = config();
    let short = || Users::builder(&Store::lazy(&config).unwrap(), &USER).jitter(0.0).freshness(SHOWN).build();
    let left = short();
    left.entry(&1).ttl(Ttl::millis(50)).get_or_load(|| load("a")).await.unwrap();
    eventually(GUARD, async || left.get(&1).await.unwrap().is_none()).await;
    let right = short();
    right.ready().await;
    let old = fails(&right).await.unwrap().unwrap();
    assert_eq!((old.as_str(), old.is_stale(), old.source()), ("a", true, Source::L2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_of_loads_during_a_write_in_another_process() {
    let config = config();
    let (left, right) = (process(&config).await, process(&config).await);
    read(&left, "old").await;
    read(&right, "never").await;
    let theirs = right.clone();
    let work = || async move {
        // The old value goes before the work begins.
        while read(&theirs, "between").await.source() != Source::Loaded {
            yield_now().await;
        }
        assert_eq!(read(&theirs, "between").await.source(), Source::Loaded, "it is kept nowhere");
        Ok::<_, io::Error>(())
    };
    let written = left.write(&1, work).await.unwrap();
    assert!(written.applied.unwrap().published);
    // The writer's next request may come to another process.
    let own = right.entry(&1).at_least(written.version.unwrap()).get_or_load(|| load("new")).await;
    assert_eq!(own.unwrap().unwrap().as_str(), "new");
    assert_eq!(read(&left, "newer").await.as_str(), "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer_finds_its_write_before_the_process_has_heard_of_it() {
    let config = config();
    let left = process(&config).await;
    let right = process(&config).await;
    for _ in 0..20 {
        read(&left, "old").await;
        read(&right, "old").await;
        let written = left.write(&1, || async { Ok::<_, io::Error>(()) }).await.unwrap();
        let own = right.entry(&1).at_least(written.version.unwrap());
        let own = own.get_or_load(|| load("new")).await.unwrap().unwrap();
        assert_eq!(own.as_str(), "new");
        left.invalidate(&1).await.unwrap();
        eventually(GUARD, async || right.get(&1).await.unwrap().is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cascade_reaches_processes_that_hold_dependents() {
    let config = config();
    let left = process(&config).await;
    let there = Store::lazy(&config).unwrap();
    let projects = Cache::<u64, String>::new(&there, &PROJECT);
    projects.ready().await;
    let loaded = || async { Ok::<_, Infallible>(Loaded::new("engine".to_owned()).depends_on(&USER, &1)) };
    eventually(GUARD, async || {
        projects.get_or_load(&7, loaded).await.unwrap().unwrap().source() == Source::L1
    })
    .await;
    // A process without a cache of projects knows of them when it is told.
    assert_eq!(left.cascade(&1).await.unwrap().dependents, [""; 0]);
    let knowing = Store::lazy(&config).unwrap();
    declare(&knowing, &Catalogue::new().with(&USER).with(&PROJECT));
    assert_eq!(Users::new(&knowing, &USER).cascade(&1).await.unwrap().dependents, ["project"]);
    eventually(GUARD, async || projects.get(&7).await.unwrap().is_none()).await;
}
