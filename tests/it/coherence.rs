//! What one process changes, as the memory of others sees it.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_cache::{Cache, L1, Loaded, Source, Tag, sweep};
use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Pattern, TextId, Ttl};
use redstart_testkit::shared;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{GUARD, config};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const LOGIN: Entity<TextId> = Entity::new(Category::Cache, "login").ttl(Ttl::hours(1)).sensitive();
const NOTE: Entity<u64> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();

type Users = Cache<u64, String>;

async fn read(users: &Users, id: u64, or: &str) -> (String, Source) {
    read_tagged(users, id, or, &[]).await
}

async fn read_tagged(users: &Users, id: u64, or: &str, tags: &[Tag]) -> (String, Source) {
    let load = || async {
        let loaded = tags.iter().fold(Loaded::new(or.to_owned()), |loaded, tag| loaded.tag(tag.clone()));
        Ok::<_, Infallible>(loaded)
    };
    let cached = users.get_or_load(&id, load).await.unwrap().unwrap();
    (String::clone(&cached), cached.source())
}

/// A process that hears of changes.
async fn process(config: &Config, entity: &Entity<u64>) -> Users {
    let users = Users::new(&Store::lazy(config).unwrap(), entity);
    users.ready().await;
    users
}

/// Two of them that hold `values` under their index, with a tag of their own and one that all bear.
async fn two(values: &[&str]) -> (Users, Users, Config) {
    let config = config();
    let (left, right) = (process(&config, &USER).await, process(&config, &USER).await);
    for users in [&left, &right] {
        for (id, value) in (0..).zip(values) {
            // The first load of a tag makes its stamp, and may be outdated by it at once.
            for _ in 0..3 {
                read_tagged(users, id, value, &[tag("all"), tag(&format!("own-{id}"))]).await;
            }
            let (value, source) = read(users, id, "never").await;
            assert_eq!((value.as_str(), source), (values[usize::try_from(id).unwrap()], Source::L1));
        }
    }
    (left, right, config)
}

fn tag(text: &str) -> Tag {
    Tag::new(text).unwrap()
}

/// Waits until a process shows the new value.
async fn becomes(users: &Users, id: u64, new: &str) {
    let heard = async {
        while read(users, id, new).await.0 != new {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(GUARD, heard).await.expect("the other process hears of it");
}

#[tokio::test]
async fn change_of_one_value_reaches_the_memory_of_others() {
    let (left, right, _) = two(&["a", "b"]).await;
    let applied = right.invalidate(&0).await.unwrap();
    assert!(applied.l1 && applied.l2 && applied.published, "{applied:?}");
    assert_eq!(read(&right, 0, "new").await.0, "new");
    becomes(&left, 0, "new").await;
    right.set(&0, &"set".to_owned()).await.unwrap();
    becomes(&left, 0, "set").await;
    assert_eq!(read(&left, 1, "never").await, ("b".into(), Source::L1), "the others stay");
}

#[tokio::test]
async fn tag_takes_all_that_bear_it_and_nothing_else() {
    let (left, right, _) = two(&["a", "b", "c"]).await;
    right.invalidate_tag(&tag("own-1")).await.unwrap();
    assert_eq!(read(&right, 1, "new").await, ("new".into(), Source::Loaded), "at once where it was done");
    becomes(&left, 1, "new").await;
    assert_eq!(read(&left, 0, "never").await, ("a".into(), Source::L1));
    right.invalidate_tag(&tag("all")).await.unwrap();
    for id in [0, 2] {
        assert_eq!(read(&right, id, "newer").await, ("newer".into(), Source::Loaded));
        becomes(&left, id, "newer").await;
    }
    assert_eq!(read(&left, 1, "never").await.0, "new", "loaded again without any tag");
}

#[tokio::test]
async fn clear_takes_everything_in_one_step() {
    let (left, right, _) = two(&["a", "b"]).await;
    right.clear().await.unwrap();
    for id in [0, 1] {
        assert_eq!(read(&right, id, "new").await, ("new".into(), Source::Loaded));
        becomes(&left, id, "new").await;
    }
}

#[tokio::test]
async fn sweep_reaches_the_memory_of_others() {
    let (left, _, ours) = two(&["a"]).await;
    let pattern = Pattern::parse("cache:user:*").unwrap();
    sweep(&Store::lazy(&config()).unwrap(), &pattern).await.unwrap();
    assert_eq!(read(&left, 0, "never").await.0, "a", "it was under another prefix");
    sweep(&Store::lazy(&ours).unwrap(), &pattern).await.unwrap();
    becomes(&left, 0, "new").await;
}

#[tokio::test]
async fn sensitive_ids_are_told_by_their_digest() {
    let config = config();
    let cache = || Cache::<TextId, String>::new(&Store::lazy(&config).unwrap(), &LOGIN);
    let (left, right) = (cache(), cache());
    left.ready().await;
    let id = TextId::new("bob@example.org").unwrap();
    let load = |value: &'static str| move || async move { Ok::<_, Infallible>(Some(value.to_owned())) };
    left.get_or_load(&id, load("old")).await.unwrap();
    right.invalidate(&id).await.unwrap();
    let heard = async {
        while left.get_or_load(&id, load("new")).await.unwrap().unwrap().as_str() != "new" {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(GUARD, heard).await.expect("the other process hears of it");
    let stream = on_server(&config, "cache:redstart:#inv");
    let as_text = "return cjson.encode(redis.call('XRANGE', KEYS[1], '-', '+'))";
    let told = shared().raw().command(&["EVAL", as_text, "1", &stream]).text();
    assert!(told.contains("cache:login") && !told.contains("bob"), "{told}");
}

#[tokio::test]
async fn plain_values_are_coherent_too() {
    let config = config();
    let (left, right) = (process(&config, &NOTE).await, process(&config, &NOTE).await);
    read(&left, 1, "old").await;
    assert_eq!(read(&left, 1, "never").await.1, Source::L1);
    right.set(&1, &"new".to_owned()).await.unwrap();
    becomes(&left, 1, "new").await;
    right.clear().await.unwrap();
    becomes(&left, 1, "newer").await;
    assert!(right.invalidate_tag(&tag("all")).await.is_err(), "plain values bear no tags");
}

fn on_server(config: &Config, name: &str) -> String {
    format!("{}:{name}", prefix_of(config))
}

fn prefix_of(config: &Config) -> String {
    Store::lazy(config).unwrap().prefix().as_str().to_owned()
}

#[tokio::test]
async fn lost_stamps_cost_loads_and_never_the_truth() {
    for part in [":#t:", ":#floor", ":#seq"] {
        let (_, right, config) = two(&["a"]).await;
        if part == ":#floor" {
            right.clear().await.unwrap();
        } else {
            right.invalidate_tag(&tag("all")).await.unwrap();
        }
        let mut raw = shared().raw();
        let lost = raw.keys(&prefix_of(&config)).into_iter().filter(|name| name.contains(part));
        let lost: Vec<_> = lost.collect();
        assert!(!lost.is_empty());
        lost.iter().for_each(|name| drop(raw.command(&["DEL", name])));
        let fresh = process(&config, &USER).await;
        assert_eq!(read(&fresh, 0, "new").await, ("new".into(), Source::Loaded), "without {part}");
    }
}

#[tokio::test]
async fn stream_that_is_lost_makes_processes_forget() {
    let (left, _, config) = two(&["a"]).await;
    // Nobody tells of this, and still the old value must not be shown for long.
    for name in ["cache:user:{0}", "cache:redstart:#inv"] {
        shared().raw().command(&["DEL", &on_server(&config, name)]);
    }
    becomes(&left, 0, "new").await;
}

#[tokio::test]
async fn l1_off_hears_nothing_and_needs_nothing() {
    let config = config();
    let near = process(&config, &USER).await;
    let far = Users::builder(&Store::lazy(&config).unwrap(), &USER).l1(L1::off()).build();
    far.ready().await;
    read(&far, 1, "old").await;
    near.clear().await.unwrap();
    assert_eq!(read(&far, 1, "new").await.0, "new");
}

/// A database of one number that only grows, seen through several processes.
struct History {
    nodes: Vec<Users>,
    database: Arc<AtomicU64>,
}

impl History {
    async fn start() -> Self {
        let config = config();
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(process(&config, &USER).await);
        }
        Self { nodes, database: Arc::new(AtomicU64::new(1)) }
    }

    /// Reads the number through a process.
    async fn read(&self, node: usize) -> u64 {
        let load = || async {
            let value = self.database.load(Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Loaded::new(value.to_string()).tag(tag("all")))
        };
        self.nodes[node].get_or_load(&1, load).await.unwrap().unwrap().parse().unwrap()
    }

    /// Writes the next number and tells of it; from then on this process must see no older one.
    async fn write(&self, node: usize, way: u64) {
        let written = self.database.fetch_add(1, Ordering::SeqCst) + 1;
        let users = &self.nodes[node];
        match way % 4 {
            0 => users.invalidate_tag(&tag("all")).await.unwrap(),
            1 => users.clear().await.unwrap(),
            _ => users.invalidate(&1).await.unwrap(),
        };
        let seen = self.read(node).await;
        assert!(seen >= written, "{seen} was seen after {written} was written and told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_are_fresh_where_they_are_made_and_end_fresh_everywhere() {
    for round in 0..8_u64 {
        let history = Arc::new(History::start().await);
        let mut actors = JoinSet::new();
        for turn in 0..24_u64 {
            let history = Arc::clone(&history);
            actors.spawn(async move {
                let node = usize::try_from(turn % 3).unwrap();
                for step in 0..12_u64 {
                    let chance = (turn * 7 + step * 5 + round * 3) % 13;
                    if chance < 4 {
                        history.write(node, chance).await;
                    } else {
                        history.read(node).await;
                    }
                }
            });
        }
        while let Some(actor) = actors.join_next().await {
            actor.unwrap();
        }
        let last = history.database.load(Ordering::SeqCst).to_string();
        for users in &history.nodes {
            becomes(users, 1, &last).await;
        }
    }
}

#[tokio::test]
async fn quiet_is_no_reason_to_forget() {
    let (left, _, _) = two(&["a"]).await;
    // Several answers that there is no news.
    sleep(Duration::from_millis(3_500)).await;
    assert_eq!(read(&left, 0, "never").await, ("a".into(), Source::L1));
}
