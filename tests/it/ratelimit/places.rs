//! How many work at the same time, over several instances.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_connection::Store;
use redstart_ratelimit::{Concurrency, Entry, Places};
use redstart_testkit::eventually;
use tokio::task::JoinSet;

use crate::support::{GUARD, config};

const THREE: Concurrency = Concurrency::new("three", 3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_than_the_places_are_in_at_once() {
    let config = config();
    let fleet = [0, 1].map(|_| Places::new(Store::lazy(&config).unwrap()));
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for worker in 0..40 {
        let places = fleet[worker % 2].clone();
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        workers.spawn(async move {
            loop {
                if let Entry::Entered(place) = places.enter(&THREE, 1).await.unwrap() {
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    return place.leave().await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        });
    }
    workers.join_all().await;
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}

#[tokio::test]
async fn place_is_renewed_while_it_is_held_and_given_back_when_dropped() {
    let places = Places::new(Store::lazy(&config()).unwrap());
    let one = Concurrency::new("one", 1).lease(Duration::from_secs(2));
    let Entry::Entered(place) = places.enter(&one, 1).await.unwrap() else { panic!("nobody is in") };
    // More than two leases long.
    let validity = place.validity().unwrap();
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    assert!(validity.is_valid());
    assert!(matches!(places.enter(&one, 1).await.unwrap(), Entry::Full { .. }));
    drop(place);
    eventually(GUARD, async || matches!(places.enter(&one, 1).await.unwrap(), Entry::Entered(_))).await;
}

#[tokio::test]
async fn place_of_a_crashed_holder_comes_free_when_its_lease_ends() {
    let config = config();
    let one = Concurrency::new("one", 1).lease(Duration::from_millis(200));
    let crashed = tokio::task::spawn_blocking({
        let config = config.clone();
        move || {
            // A runtime that ends takes the renewal and the return of the place with it.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let places = Places::new(Store::lazy(&config).unwrap());
            let entry = runtime.block_on(places.enter(&one, 1)).unwrap();
            assert!(matches!(entry, Entry::Entered(_)));
            runtime.shutdown_background();
            std::mem::forget(entry);
        }
    });
    crashed.await.unwrap();
    let places = Places::new(Store::lazy(&config).unwrap());
    eventually(GUARD, async || matches!(places.enter(&one, 1).await.unwrap(), Entry::Entered(_))).await;
}
