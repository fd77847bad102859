//! Counts of several processes.

use std::time::Duration;

use redstart_connection::Store;
use redstart_keys::{Category, Entity, Ttl};
use redstart_state::{Counters, Visitors};
use tokio::task::JoinSet;

use super::process;
use crate::support::{GUARD, config, store};

const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_counted_by_processes_that_end_in_order_is_there() {
    let config = config();
    let mut fleet = JoinSet::new();
    for _ in 0..4 {
        let store = process(&config);
        fleet.spawn(async move {
            let views = Counters::new(&store, &VIEWS).with_top(50);
            for number in 0..1_000 {
                views.add(&(number % 10), 1);
                if number % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            assert!(store.shutdown(GUARD).await.is_clean());
        });
    }
    fleet.join_all().await;
    let views = Counters::new(&process(&config), &VIEWS).with_top(50);
    for id in 0..10 {
        // The hour may have changed meanwhile.
        assert_eq!(views.total(&id, HOUR).await.unwrap(), 400);
    }
    let top = views.top(3, HOUR).await.unwrap();
    assert!(top.len() == 3 && top.iter().all(|(_, count)| *count == 400), "{top:?}");
}

#[tokio::test]
async fn many_fields_of_one_key_travel_in_several_batches() {
    let store = store();
    let views = Counters::new(&store, &VIEWS).with_top(5_000);
    for id in 0..2_500 {
        views.add(&id, id + 1);
    }
    assert_eq!(views.flush().await.waiting, 0);
    let top = views.top(2, HOUR).await.unwrap();
    assert_eq!(top, [("2499".to_owned(), 2_500), ("2498".to_owned(), 2_499)]);
    assert_eq!(views.top(5_000, HOUR).await.unwrap().len(), 2_500);
}

#[tokio::test]
async fn visitors_are_counted_about_right_on_both_stores() {
    for store in [store(), Store::memory()] {
        let visitors = Visitors::new(&store, &VIEWS);
        let names: Vec<String> = (0..20_000).map(|visitor| format!("visitor {visitor}")).collect();
        for chunk in names.chunks(1_000) {
            let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
            visitors.see(&1, &chunk).await.unwrap();
            visitors.see(&1, &chunk).await.unwrap();
        }
        // A day may have begun meanwhile, and the error is 0.81 %.
        let count = visitors.count(&1, 24 * HOUR).await.unwrap();
        assert!(count.abs_diff(20_000) < 600, "{count} on {}", store.describe());
    }
}
