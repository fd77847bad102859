use std::{future::poll_fn, task::Poll, time::Duration};

use redstart_connection::{Append, Clock, Store, Timestamp};
use redstart_keys::{Category, Entity, Ttl};

use super::*;

const CHANGES: Entity<u64> = Entity::new(Category::Jobs, "changes").ttl(Ttl::days(1));
const PATIENCE: Duration = Duration::from_secs(60);

fn changes(store: &Store) -> EventStream<u32> {
    EventStream::new(store, &CHANGES, &1)
}

async fn event(follower: &mut Follower<u32>) -> u32 {
    match follower.next().await.expect("memory answers") {
        Some(Heard::Event(event)) => event.into_value(),
        other => panic!("an event was expected, not {other:?}"),
    }
}

async fn taken(consumer: &mut Consumer<u32>) -> Vec<(u32, u64)> {
    let events = consumer.next().await.expect("memory answers").expect("the store is in use");
    events.iter().map(|event| (*event.value(), event.times())).collect()
}

/// Whether there is nothing to take now.
async fn waits(consumer: &mut Consumer<u32>) -> bool {
    let mut next = Box::pin(consumer.next());
    poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn every_follower_gets_every_event_from_where_it_began() {
    let store = Store::memory();
    let stream = changes(&store);
    stream.publish(&1).await.expect("there is room");
    let mut from_now = stream.follow().await.expect("memory answers");
    let mut from_the_beginning = stream.follow_after(EventId::default());
    for value in 2..40 {
        stream.publish(&value).await.expect("there is room");
    }
    for value in 2..40 {
        assert_eq!(event(&mut from_now).await, value);
    }
    for value in 1..40 {
        assert_eq!(event(&mut from_the_beginning).await, value);
    }
}

#[tokio::test]
async fn follower_that_lies_behind_misses_nothing() {
    let store = Store::memory();
    let stream = changes(&store);
    let mut follower = stream.follow().await.expect("memory answers");
    stream.publish(&0).await.expect("there is room");
    assert_eq!(event(&mut follower).await, 0);
    for value in 1..1_000 {
        stream.publish(&value).await.expect("there is room");
        // The reader tells more than anybody listens to.
        tokio::task::yield_now().await;
    }
    for value in 1..1_000 {
        assert_eq!(event(&mut follower).await, value);
    }
}

#[tokio::test]
async fn follower_whose_place_is_gone_is_told_and_gets_the_rest() {
    let store = Store::memory();
    let stream = changes(&store).with_cap(3);
    let seen = stream.publish(&0).await.expect("there is room");
    for value in 1..6 {
        stream.publish(&value).await.expect("there is room");
    }
    let mut follower = stream.follow_after(seen);
    assert_eq!(follower.next().await.expect("memory answers"), Some(Heard::Missed));
    for value in 3..6 {
        assert_eq!(event(&mut follower).await, value);
    }
    assert!(seen < follower.seen());
}

#[tokio::test]
async fn consumers_of_a_group_share_and_groups_do_not() {
    let store = Store::memory();
    let stream = changes(&store);
    for value in 0..4 {
        stream.publish(&value).await.expect("there is room");
    }
    let (mut one, mut other) = (stream.consumer("mail").with_most(3), stream.consumer("mail"));
    assert_eq!(taken(&mut one).await, [(0, 1), (1, 1), (2, 1)]);
    assert_eq!(taken(&mut other).await, [(3, 1)]);
    assert_eq!(taken(&mut stream.consumer("search")).await.len(), 4);
}

#[tokio::test]
async fn what_is_not_settled_in_time_is_for_another() {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    let store = Store::memory_with(clock.clone());
    let stream = changes(&store);
    for value in 0..3 {
        stream.publish(&value).await.expect("there is room");
    }
    let mut dies = stream.consumer("mail");
    let events = dies.next().await.expect("memory answers").expect("there are some");
    dies.settle(events[1].id()).await.expect("memory answers");
    drop(dies);
    let mut other = stream.consumer("mail");
    assert!(waits(&mut other).await, "the first has its time");
    clock.advance(PATIENCE);
    assert_eq!(taken(&mut other).await, [(0, 2), (2, 2)]);
}

#[tokio::test]
async fn what_is_given_back_is_for_another_at_once() {
    let store = Store::memory();
    let stream = changes(&store);
    stream.publish(&7).await.expect("there is room");
    let mut leaves = stream.consumer("mail");
    assert_eq!(taken(&mut leaves).await, [(7, 1)]);
    assert_eq!(leaves.leave().await.expect("memory answers"), 1);
    let mut other = stream.consumer("mail");
    assert_eq!(taken(&mut other).await, [(7, 2)]);
}

#[tokio::test]
async fn what_nobody_can_read_holds_nobody_up() {
    let store = Store::memory();
    let stream = changes(&store);
    store.run(&Append::new(CHANGES.key(&1), Ttl::days(1)).field("v", "seven")).await.expect("there is room");
    stream.publish(&8).await.expect("there is room");
    assert_eq!(event(&mut stream.follow_after(EventId::default())).await, 8);
    let mut consumer = stream.consumer("mail");
    assert_eq!(taken(&mut consumer).await, [(8, 1)]);
}

#[tokio::test]
async fn shutdown_ends_those_who_wait() {
    let store = Store::memory();
    let stream = changes(&store);
    let (mut follower, mut consumer) =
        (stream.follow().await.expect("memory answers"), stream.consumer("mail"));
    let waiting = async { (follower.next().await, consumer.next().await) };
    let (heard, _) = tokio::join!(waiting, store.shutdown(Duration::from_secs(10)));
    assert!(matches!(heard, (Ok(None), Ok(None))), "{heard:?}");
}
