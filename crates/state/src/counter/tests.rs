use redstart_connection::Clock;
use redstart_keys::{Category, TextId};

use super::*;

const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
const HOUR: Duration = Duration::from_secs(3600);

fn store() -> (Store, Clock) {
    // Half past something.
    let clock = Clock::manual(Timestamp::from_micros((1_700_000_000 / 3600 * 3600 + 1800) * 1_000_000));
    (Store::memory_with(clock.clone()), clock)
}

#[tokio::test]
async fn counts_are_read_by_their_time_and_forgotten_after_it() {
    let (store, clock) = store();
    let views = Counters::new(&store, &VIEWS);
    for hour in 1..=3 {
        views.add(&1, hour);
        assert_eq!(views.flush().await, Flushed { arrived: 1, waiting: 0 });
        clock.advance(HOUR);
    }
    assert_eq!(views.total(&1, Duration::ZERO).await.unwrap(), 0);
    assert_eq!(views.total(&1, HOUR).await.unwrap(), 3);
    assert_eq!(views.total(&1, 10 * HOUR).await.unwrap(), 6);
    let now = clock.now();
    let range = views.range(&1, now.saturating_sub(3 * HOUR), now.saturating_sub(2 * HOUR)).await.unwrap();
    assert_eq!(range.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(range[1].0.since(range[0].0), HOUR);
    clock.advance(22 * HOUR);
    assert_eq!(views.total(&1, 100 * HOUR).await.unwrap(), 5, "the first hour is a day and an hour past");
    assert_eq!(views.range(&1, now, now.saturating_sub(HOUR)).await.unwrap(), []);
}

#[tokio::test]
async fn most_counted_are_ranked_across_buckets() {
    let (store, clock) = store();
    let views = Counters::new(&store, &VIEWS).with_top(10);
    for (id, count) in [(1, 5), (2, 3)] {
        views.add(&id, count);
    }
    views.flush().await;
    clock.advance(HOUR);
    for (id, count) in [(2, 4), (3, 1)] {
        views.add(&id, count);
    }
    views.flush().await;
    let of = |top: Vec<(String, u64)>| {
        top.into_iter().map(|(id, count)| format!("{id}: {count}")).collect::<Vec<_>>()
    };
    assert_eq!(of(views.top(2, HOUR).await.unwrap()), ["2: 7", "1: 5"]);
    assert_eq!(of(views.top(5, Duration::ZERO).await.unwrap()), ["2: 4", "3: 1"]);
}

#[tokio::test]
async fn sensitive_ids_have_no_ranking() {
    const CALLS: Entity<TextId> = Entity::new(Category::Counter, "calls").ttl(Ttl::hours(24)).sensitive();
    let (store, _) = store();
    let calls = Counters::new(&store, &CALLS).with_top(10);
    calls.add(&TextId::new("ada@example.com").unwrap(), 1);
    calls.flush().await;
    assert_eq!(calls.top(10, HOUR).await.unwrap(), []);
    assert_eq!(calls.total(&TextId::new("ada@example.com").unwrap(), HOUR).await.unwrap(), 1);
}

#[tokio::test]
async fn shutdown_sends_what_waits() {
    let (store, _) = store();
    let (views, other) = (Counters::new(&store, &VIEWS), Counters::new(&store, &VIEWS));
    views.add(&1, 7);
    store.on_shutdown({
        let other = other.clone();
        move || {
            let read: BoxFuture<'static, ()> = Box::pin(async move {
                assert_eq!(other.total(&1, HOUR).await.unwrap(), 7);
            });
            read
        }
    });
    assert!(store.shutdown(Duration::from_secs(5)).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn counts_are_sent_every_second() {
    let store = Store::memory();
    let views = Counters::new(&store, &VIEWS);
    views.add(&1, 1);
    let sent = async {
        while views.total(&1, HOUR).await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), sent).await.expect("it is sent");
}

#[tokio::test]
async fn visitors_are_counted_once_in_each_bucket_and_across() {
    let (store, clock) = store();
    let visitors = Visitors::new(&store, &VIEWS).by(Bucket::Hour);
    visitors.see(&1, &["a", "b", "a"]).await.unwrap();
    clock.advance(HOUR);
    visitors.see(&1, &["b", "c"]).await.unwrap();
    visitors.see(&2, &["d"]).await.unwrap();
    assert_eq!(visitors.count(&1, Duration::ZERO).await.unwrap(), 2);
    assert_eq!(visitors.count(&1, HOUR).await.unwrap(), 3);
    assert_eq!(visitors.count(&3, HOUR).await.unwrap(), 0);
}
