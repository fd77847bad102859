use redstart_keys::{Category, Key, Ttl};

use super::*;
use crate::{Clock, Timestamp};

fn news() -> Key {
    Key::namespace(Category::Cache, "user", "inv")
}

fn append(text: &str) -> Append {
    Append::new(news(), Ttl::hours(1)).with_cap(3).field("k", text)
}

fn texts(delivery: Delivery) -> Vec<String> {
    let Delivery::Entries(entries) = delivery else { panic!("expected entries, got {delivery:?}") };
    entries.iter().map(|entry| String::from_utf8_lossy(&entry.fields[0].1).into_owned()).collect()
}

async fn attached(store: &Store) -> Feed {
    let mut feed = Feed::open(store, news());
    assert_eq!(feed.next().await.expect("memory answers"), Delivery::Idle);
    feed
}

#[tokio::test]
async fn entries_come_in_order_and_once() {
    let store = Store::memory();
    let mut feed = attached(&store).await;
    for text in ["a", "b"] {
        store.run(&append(text)).await.expect("there is room");
    }
    assert_eq!(texts(feed.next().await.expect("memory answers")), ["a", "b"]);
    store.run(&append("c")).await.expect("there is room");
    assert_eq!(texts(feed.next().await.expect("memory answers")), ["c"]);
}

#[tokio::test]
async fn old_entries_are_not_news() {
    let store = Store::memory();
    store.run(&append("old")).await.expect("there is room");
    let mut feed = attached(&store).await;
    store.run(&append("new")).await.expect("there is room");
    assert_eq!(texts(feed.next().await.expect("memory answers")), ["new"]);
}

#[tokio::test]
async fn trimmed_entries_are_a_gap() {
    let store = Store::memory();
    let mut feed = attached(&store).await;
    for text in ["a", "b", "c", "d"] {
        store.run(&append(text)).await.expect("there is room");
    }
    assert_eq!(feed.next().await.expect("memory answers"), Delivery::Gap);
    store.run(&append("e")).await.expect("there is room");
    assert_eq!(texts(feed.next().await.expect("memory answers")), ["e"]);
}

#[tokio::test]
async fn waiting_reader_is_woken() {
    let store = Store::memory();
    let mut feed = attached(&store).await;
    let writer = store.clone();
    let (delivery, _) = tokio::join!(feed.next(), async move {
        tokio::task::yield_now().await;
        writer.run(&append("late")).await
    });
    assert_eq!(texts(delivery.expect("memory answers")), ["late"]);
}

#[test]
fn cursors_order_as_the_server_orders_ids() {
    let cursor = |text: &str| text.parse::<Cursor>().expect("a cursor");
    assert!(cursor("5-2") > cursor("5-1") && cursor("6-0") > cursor("5-9"));
    assert_eq!(cursor("5-2").next_at(5).to_string(), "5-3");
    assert_eq!(cursor("5-2").next_at(7).to_string(), "7-0");
    assert!("x".parse::<Cursor>().is_err());
}

#[tokio::test]
async fn stream_that_ended_and_began_again_is_a_gap() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000_000));
    let store = Store::memory_with(clock.clone());
    let append = async || {
        let entry = Append::new(news(), Ttl::seconds(1)).field("n", "1");
        store.run(&entry).await.expect("there is room")
    };
    // Both a reader that has read something and one that has not.
    let (mut reader, mut newcomer) = (Feed::open(&store, news()), Feed::open(&store, news()));
    assert_eq!(reader.next().await.expect("memory answers"), Delivery::Idle);
    append().await;
    assert!(matches!(reader.next().await, Ok(Delivery::Entries(_))));
    assert_eq!(newcomer.next().await.expect("memory answers"), Delivery::Idle);
    append().await;
    clock.advance(Duration::from_secs(2));
    append().await;
    assert_eq!(reader.next().await.expect("memory answers"), Delivery::Gap);
    assert_eq!(newcomer.next().await.expect("memory answers"), Delivery::Gap);
    append().await;
    assert!(matches!(reader.next().await, Ok(Delivery::Entries(_))));
}
