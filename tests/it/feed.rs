//! A stream read to its end, and told where it is torn.

use redstart_connection::{Append, Delivery, Feed, Store};
use redstart_keys::{Category, Key, Ttl};
use redstart_testkit::RedisServer;

use crate::support::{config_for, store};

fn news() -> Key {
    Key::namespace(Category::Cache, "item", "inv")
}

fn append(text: &str) -> Append {
    Append::new(news(), Ttl::hours(1)).field("k", text)
}

/// What the feed brings until there is something to tell; `-` stands for a gap.
async fn told(feed: &mut Feed) -> Vec<String> {
    loop {
        // While the server is away there are errors; the reader goes on.
        match feed.next().await {
            Ok(Delivery::Entries(entries)) => {
                let text = |entry: &redstart_connection::Entry| {
                    String::from_utf8_lossy(&entry.fields[0].1).into_owned()
                };
                return entries.iter().map(text).collect();
            }
            Ok(Delivery::Gap) => return vec!["-".to_owned()],
            Ok(Delivery::Idle) | Err(_) => {}
        }
    }
}

async fn attached(store: &Store) -> Feed {
    let mut feed = Feed::open(store, news());
    assert_eq!(feed.next().await.unwrap(), Delivery::Idle);
    feed
}

#[tokio::test]
async fn entries_come_in_order_and_once() {
    let store = store();
    let mut feed = attached(&store).await;
    for text in ["a", "b"] {
        store.run(&append(text)).await.unwrap();
    }
    let mut seen = told(&mut feed).await;
    while seen.len() < 2 {
        seen.extend(told(&mut feed).await);
    }
    assert_eq!(seen, ["a", "b"]);
    store.run(&append("c")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["c"]);
    assert!(feed.heard().is_some());
}

#[tokio::test]
async fn waiting_reader_is_woken_by_the_writer() {
    let store = store();
    let mut feed = attached(&store).await;
    let writer = store.clone();
    let (seen, written) = tokio::join!(told(&mut feed), async move { writer.run(&append("late")).await });
    written.unwrap();
    assert_eq!(seen, ["late"]);
}

#[tokio::test]
async fn lost_stream_is_a_gap_and_reading_goes_on() {
    let server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    let mut feed = attached(&store).await;
    store.run(&append("a")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["a"]);
    server.raw().command(&["FLUSHALL"]);
    assert_eq!(told(&mut feed).await, ["-"]);
    store.run(&append("b")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["b"]);
}

#[tokio::test]
async fn trimmed_entries_are_a_gap() {
    let server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    let mut feed = attached(&store).await;
    for text in ["a", "b", "c"] {
        store.run(&append(text)).await.unwrap();
    }
    let stream = server.raw().keys(store.prefix().as_str()).pop().unwrap();
    server.raw().command(&["XTRIM", &stream, "MAXLEN", "1"]);
    assert_eq!(told(&mut feed).await, ["-"]);
    store.run(&append("d")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["d"]);
}

#[tokio::test]
async fn restarted_server_is_a_gap_and_reading_goes_on() {
    let mut server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    let mut feed = attached(&store).await;
    server.restart();
    assert_eq!(told(&mut feed).await, ["-"]);
    store.run(&append("again")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["again"]);
}

#[tokio::test]
async fn dropped_wait_loses_no_entry() {
    let store = store();
    let mut feed = attached(&store).await;
    for _ in 0..5 {
        let waited = tokio::time::timeout(std::time::Duration::from_millis(5), feed.next()).await;
        assert!(waited.is_err() || matches!(waited, Ok(Ok(Delivery::Idle))));
    }
    store.run(&append("kept")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["kept"]);
}
