use std::time::Duration;

use proptest::prelude::*;
use redstart_connection::{Clock, Store, Timestamp};
use redstart_keys::{Category, Entity, TextId};

use super::{table::Table, *};
use crate::builder::L1;

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const MAIL: Entity<TextId> = Entity::new(Category::Cache, "mail").ttl(Ttl::hours(1)).sensitive();

type Users = Cache<u64, String>;

/// 2023-11-14 at 22:13:20 UTC.
fn store() -> Store {
    Store::memory_with(Clock::manual(Timestamp::from_micros(1_700_000_000_000_000)))
}

fn users(store: &Store, usage: Usage) -> Users {
    Users::builder(store, &USER).usage(usage).build()
}

async fn read(users: &Users, ids: &[u64]) {
    for id in ids {
        users.get_or_load(id, || async { Ok::<_, std::io::Error>("x".to_owned()) }).await.unwrap();
    }
}

async fn popular(users: &Users) -> Vec<(u64, f64)> {
    users.popular(10).await.unwrap().into_iter().map(|used| (used.id, used.weight)).collect()
}

#[tokio::test]
async fn most_used_comes_first_whichever_verb_reads() {
    let users = users(&store(), Usage::counted());
    read(&users, &[1, 2, 2, 3]).await;
    users.get(&3).await.unwrap();
    users.get(&4).await.unwrap();
    let load = |ids: Vec<u64>| async move {
        Ok::<_, std::io::Error>(ids.into_iter().map(|id| (id, "x".to_owned())).collect::<Vec<_>>())
    };
    users.get_many_or_load(&[3, 5], load).await.into_result().unwrap();
    assert_eq!(popular(&users).await, [(3, 3.0), (2, 2.0), (5, 1.0), (4, 1.0), (1, 1.0)]);
    assert_eq!(users.popular(1).await.unwrap().len(), 1);
    read(&users, &[4, 4, 4]).await;
    assert_eq!(popular(&users).await[0], (4, 4.0), "what was told before counts");
}

#[tokio::test]
async fn past_uses_weigh_less_and_end() {
    let store = store();
    let users = users(&store, Usage::counted().half_life(Ttl::hours(1)));
    read(&users, &[1, 1, 1, 1]).await;
    assert_eq!(popular(&users).await, [(1, 4.0)]);
    store.clock().advance(Duration::from_secs(2 * 3_600));
    read(&users, &[2, 2]).await;
    assert_eq!(popular(&users).await, [(2, 2.0), (1, 1.0)]);
    store.clock().advance(Duration::from_secs(10 * 3_600));
    assert_eq!(popular(&users).await, [], "the key ends when nothing is used");
}

#[tokio::test]
async fn coming_hour_is_told_by_the_same_hour_of_former_days() {
    let store = store();
    let users = users(&store, Usage::counted().hourly());
    // At 22:13, then at 23:13.
    read(&users, &[1, 1]).await;
    users.popular(1).await.unwrap();
    store.clock().advance(Duration::from_secs(3_600));
    read(&users, &[2]).await;
    let expected =
        async || -> Vec<u64> { users.expected(10).await.unwrap().into_iter().map(|used| used.id).collect() };
    assert_eq!(expected().await, [2], "23:13 to 00:13 is mostly of the hour 23");
    store.clock().advance(Duration::from_secs(22 * 3_600 + 30 * 60));
    assert_eq!(expected().await, [1], "the next day at 21:43 the hour 22 is coming");
    // At 00:43, 09:43 and 10:43.
    for hours in [3, 9, 1] {
        store.clock().advance(Duration::from_secs(hours * 3_600));
        assert!(expected().await.is_empty(), "nothing was ever used in that hour");
    }
}

#[tokio::test]
async fn who_does_not_record_knows_nothing() {
    let users = Users::new(&store(), &USER);
    read(&users, &[1]).await;
    assert_eq!(users.popular(10).await.unwrap(), []);
    assert_eq!(users.expected(10).await.unwrap(), []);
}

#[tokio::test]
async fn personal_data_is_not_listed() {
    let mails = Cache::<TextId, String>::builder(&store(), &MAIL).usage(Usage::counted()).build();
    let ada = TextId::new("ada@example.com").unwrap();
    mails.get_or_load(&ada, || async { Ok::<_, std::io::Error>("x".to_owned()) }).await.unwrap();
    assert_eq!(mails.popular(10).await.unwrap(), []);
}

#[tokio::test]
async fn shutdown_shares_what_is_left() {
    let store = store();
    let users = Users::builder(&store, &USER).usage(Usage::counted()).l1(L1::off()).build();
    read(&users, &[7]).await;
    assert!(store.shutdown(Duration::from_secs(10)).await.is_clean());
    assert_eq!(users.0.recorder().unwrap().counted(), 0);
}

#[tokio::test]
async fn samples_stand_for_what_they_leave_out() {
    let users = users(&store(), Usage::sampled(8));
    read(&users, &[1; 8_000]).await;
    let weight = popular(&users).await[0].1;
    // Seven standard deviations either way.
    assert!((6_000.0..10_000.0).contains(&weight), "{weight}");
}

#[tokio::test]
async fn dropped_cache_ends_its_task() {
    let store = Store::memory();
    let users = users(&store, Usage::counted().shared_every(Ttl::millis(1)));
    read(&users, &[1]).await;
    assert_eq!(store.tasks().running(), 1);
    drop(users);
    tokio::time::timeout(Duration::from_secs(10), async {
        while 0 < store.tasks().running() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the task ends");
}

proptest! {
    #[test]
    fn table_counts_all_while_there_is_room_and_never_holds_more(ids in prop::collection::vec(0..200_u64, 0..600)) {
        let (wide, narrow) = (Table::new(200 * 16), Table::new(32));
        for id in &ids {
            wide.add(id, 2);
            narrow.add(id, 1);
        }
        let counted = wide.take();
        prop_assert_eq!(counted.iter().map(|(_, uses)| uses).sum::<u64>(), 2 * ids.len() as u64);
        prop_assert!(counted.is_sorted_by(|left, right| right.1 <= left.1));
        prop_assert!(narrow.take().len() <= 32);
        prop_assert!(wide.take().is_empty());
    }
}
