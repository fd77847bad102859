use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use redstart_connection::{Clock, Store, Timestamp};
use redstart_keys::{Category, Entity, Ttl};

use super::*;
use crate::{Cache, L1, Source};

const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));

struct Shop {
    store: Store,
    products: Cache<u64, u64>,
    experiment: TtlExperiment,
    version: AtomicU64,
}

impl Shop {
    fn new(experiment: TtlExperiment) -> Self {
        let store = Store::memory_with(Clock::manual(Timestamp::from_micros(1_700_000_000_000_000)));
        let cache = Cache::builder(&store, &PRODUCT).experiment(&experiment).jitter(0.0).l1(L1::off());
        Self { products: cache.build(), store, experiment, version: AtomicU64::new(0) }
    }

    async fn read_all(&self) -> Vec<Source> {
        let mut sources = Vec::new();
        for id in 0..400 {
            let load = || async { Ok::<_, io::Error>(self.version.load(Ordering::Relaxed)) };
            sources.push(self.products.get_or_load(&id, load).await.unwrap().unwrap().source());
        }
        sources
    }

    fn arms(&self) -> Vec<(u64, u64, u64, u64)> {
        let arms = self.experiment.report().arms;
        arms.iter().map(|arm| (arm.reads, arm.hits, arm.reloads, arm.changed)).collect()
    }
}

fn hour_and_ten_minutes() -> TtlExperiment {
    TtlExperiment::new("product", Ttl::hours(1), Ttl::minutes(10))
}

#[tokio::test]
async fn keys_live_as_long_as_their_arm_says() {
    let shop = Shop::new(hour_and_ten_minutes());
    shop.read_all().await;
    shop.store.clock().advance(Duration::from_secs(30 * 60));
    let loaded = shop.read_all().await.iter().filter(|source| **source == Source::Loaded).count();
    assert!((120..280).contains(&loaded), "half of the keys end after ten minutes: {loaded}");
    let [hour, minutes] = shop.arms()[..] else { panic!("two arms") };
    assert_eq!((hour.1, hour.2), (hour.0 / 2, 0), "an hour: the second read hits");
    assert_eq!((minutes.1, minutes.2, minutes.3), (0, minutes.0 / 2, 0), "ten minutes: it reloads the same");
    shop.store.clock().advance(Duration::from_secs(45 * 60));
    assert!(shop.read_all().await.iter().all(|source| *source == Source::Loaded));
}

#[tokio::test]
async fn changed_values_and_their_age_are_told() {
    let shop = Shop::new(hour_and_ten_minutes());
    shop.read_all().await;
    for minute in 1..=60 {
        shop.store.clock().advance(Duration::from_secs(60));
        shop.version.store(minute / 15, Ordering::Relaxed);
        shop.read_all().await;
    }
    let report = shop.experiment.report();
    let [hour, minutes] = &report.arms[..] else { panic!("two arms") };
    assert_eq!((hour.changed_share(), hour.age_at_change), (Some(1.0), Some(Duration::from_secs(3_600))));
    assert_eq!(minutes.changed_share(), Some(4.0 / 6.0));
    assert_eq!(minutes.age_at_change, Some(Duration::from_secs(600)));
    let text = report.to_string();
    assert!(text.contains("the hit rate is lower by 8.2 points"), "{text}");
    assert!(text.contains("the share of changed values is lower by 33.3 points"), "{text}");
    serde_json::to_string(&report).unwrap();
}

#[tokio::test]
async fn invalidated_values_do_not_speak_against_a_ttl() {
    let shop = Shop::new(hour_and_ten_minutes());
    shop.read_all().await;
    shop.version.store(1, Ordering::Relaxed);
    for id in 0..400 {
        shop.products.invalidate(&id).await.unwrap();
    }
    shop.read_all().await;
    assert!(shop.arms().iter().all(|(_, _, reloads, changed)| (*reloads, *changed) == (0, 0)));
}

#[tokio::test]
async fn values_that_are_set_live_as_long_as_their_arm_says() {
    let shop = Shop::new(hour_and_ten_minutes());
    for id in 0..400 {
        shop.products.set(&id, &1).await.unwrap();
    }
    shop.store.clock().advance(Duration::from_secs(30 * 60));
    let mut left = 0;
    for id in 0..400 {
        left += u32::from(shop.products.get(&id).await.unwrap().is_some());
    }
    assert!((120..280).contains(&left), "{left}");
}

#[test]
fn names_decide_alone_and_split_evenly() {
    let split = |experiment: &TtlExperiment| -> Vec<Ttl> {
        (0..9_000).map(|id| experiment.ttl(format!("cache:product:{{{id}}}").as_bytes())).collect()
    };
    let three = || hour_and_ten_minutes().arm(Ttl::minutes(1));
    let ttls = split(&three());
    assert_eq!(ttls, split(&three()), "in every process alike");
    for ttl in [Ttl::hours(1), Ttl::minutes(10), Ttl::minutes(1)] {
        let count = ttls.iter().filter(|one| **one == ttl).count();
        assert!((2_700..3_300).contains(&count), "{ttl}: {count}");
    }
    assert_eq!(three().longest(), Ttl::hours(1));
}
