//! Changing on terms: expire, refresh, write, cascades, bursts.

use std::io;

use super::*;
use crate::{
    debounced::Heard,
    freshness::Freshness,
    held::{About, Held},
    loaded::Loaded,
    tag::{Tag, Tags},
};

const PROJECT: Entity<u64> = Entity::new(Category::Cache, "project").ttl(Ttl::hours(1)).falls_with(&["user"]);

fn on_clock(freshness: Freshness) -> (Users, Clock) {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let store = Store::memory_with(clock.clone());
    (Users::builder(&store, &USER).jitter(0.0).freshness(freshness).build(), clock)
}

#[tokio::test]
async fn expired_is_shown_while_it_is_replaced_and_invalidated_is_not() {
    let (users, clock) = on_clock(Freshness::new().stale_while_revalidate(Ttl::minutes(1)));
    read(&users, "a").await;
    clock.advance(Duration::from_secs(600));
    assert!(users.expire(&1).await.expect("memory answers").l2);
    assert!(users.get(&1).await.expect("memory answers").is_none(), "it is fresh no longer");
    let slow = |_| async { load("b").await };
    let old = users.entry(&1).fetch(slow).await.expect("old").expect("something");
    assert_eq!((old.as_str(), old.is_stale(), old.age()), ("a", true, Some(Duration::from_secs(600))));
    assert!(!users.expire(&2).await.expect("memory answers").l2, "there is nothing");
}

#[tokio::test]
async fn load_that_began_before_an_expiry_does_not_make_it_fresh() {
    let (users, _) = on_clock(Freshness::new());
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let old = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
    started.notified().await;
    users.expire(&1).await.expect("memory answers");
    go.notify_one();
    old.await.expect("no panic");
    assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
}

#[tokio::test]
async fn refresh_replaces_what_is_fresh() {
    let users = users();
    read(&users, "a").await;
    let fresh = users.entry(&1).refresh(|present| async move {
        assert_eq!(present.expect("the copy").value().as_str(), "a");
        load("b").await
    });
    assert_eq!(fresh.await.expect("it loads").expect("something").as_str(), "b");
    assert_eq!(read(&users, "c").await.0, "b");
    let failed = users.entry(&1).refresh(|_| async { Err::<Option<String>, _>(io::Error::other("away")) });
    assert!(failed.await.is_err());
    assert_eq!(read(&users, "c").await.0, "b", "what is cached stays");
}

#[tokio::test]
async fn write_hides_the_old_value_from_its_beginning() {
    let users = users();
    read(&users, "old").await;
    let theirs = users.clone();
    let work = || async move {
        // Whoever reads while the work runs gets what the source has, and keeps nothing of it.
        assert_eq!(read(&theirs, "between").await, ("between".into(), Source::Loaded));
        Ok::<_, io::Error>(7)
    };
    let written = users.write(&1, work).await.expect("it works");
    assert_eq!((written.output, written.applied.is_ok()), (7, true));
    assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
}

#[tokio::test]
async fn write_that_fails_or_is_dropped_hides_nothing_new() {
    let users = users();
    for is_dropped in [false, true] {
        read(&users, "old").await;
        let theirs = users.clone();
        let work = async move {
            let work = || async move {
                if is_dropped {
                    std::future::pending::<()>().await;
                }
                Err::<(), _>(io::Error::other("perhaps it was written"))
            };
            theirs.write(&1, work).await.map(drop)
        };
        match is_dropped {
            true => drop(tokio::time::timeout(Duration::from_millis(1), work).await),
            false => assert!(work.await.is_err()),
        }
        while users.0.store.tasks().running() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(&users, "new").await.1, Source::Loaded);
        assert_eq!(read(&users, "newer").await, ("new".into(), Source::L1), "loads are kept again");
        users.invalidate(&1).await.expect("memory answers");
    }
}

#[tokio::test]
async fn reader_of_its_own_write_finds_it() {
    let users = users();
    read(&users, "old").await;
    let stale = users.get(&1).await.expect("memory answers").expect("something");
    let written = users.write(&1, || async { Ok::<_, io::Error>(()) }).await.expect("it works");
    let version: Version =
        written.version.expect("the store answered").to_string().parse().expect("a version");
    // A process that has not heard of it yet still holds the old value: here it is put back by hand.
    let place = users.0.place(&1);
    let about = About { as_of: 0, life: None, tags: Tags::default(), validator: None };
    let held = Held::new(Some(stale.into_value()), about);
    users.0.near.keep(place.spot, &held, users.0.near.epoch(place.spot), users.0.now());
    assert_eq!(read(&users, "never").await.0, "old");
    let own = users.entry(&1).at_least(version).get_or_load(|| load("new")).await;
    assert_eq!(own.expect("it loads").expect("something").as_str(), "new");
    let again = users.entry(&1).at_least(version).get_or_load(|| load("newer")).await;
    assert_eq!(again.expect("it loads").expect("something").source(), Source::L1, "it is loaded once");
}

#[tokio::test]
async fn entry_is_set_with_its_tags_and_time() {
    let (users, clock) = on_clock(Freshness::new());
    let tag = Tag::new("team:red").expect("a tag");
    users
        .entry(&1)
        .tag(tag.clone())
        .ttl(Ttl::seconds(60))
        .set(&"a".to_owned())
        .await
        .expect("memory answers");
    assert_eq!(read(&users, "b").await.0, "a");
    users.invalidate_tag(&tag).await.expect("memory answers");
    assert_eq!(read(&users, "b").await.0, "b");
    users.entry(&1).ttl(Ttl::seconds(60)).set(&"c".to_owned()).await.expect("memory answers");
    clock.advance(Duration::from_secs(60));
    assert_eq!(read(&users, "d").await.0, "d");
}

#[tokio::test]
async fn dependents_fall_with_their_owner_and_others_stay() {
    let store = Store::memory();
    let (users, projects) = (Users::new(&store, &USER), Cache::<u64, String>::new(&store, &PROJECT));
    for (project, owner) in [(10, 1), (11, 1), (20, 2)] {
        let load =
            || async move { Ok::<_, Infallible>(Loaded::new("x".to_owned()).depends_on(&USER, &owner)) };
        // The first load of a tag makes its stamp.
        for _ in 0..2 {
            projects.get_or_load(&project, load).await.expect("it loads");
        }
    }
    assert_eq!(users.cascade(&1).await.expect("memory answers").dependents, ["project"]);
    for (project, stays) in [(10, false), (11, false), (20, true)] {
        let there = projects.get(&project).await.expect("memory answers").is_some();
        assert_eq!(there, stays, "project {project}");
    }
}

#[tokio::test(start_paused = true)]
async fn burst_is_done_at_its_beginning_and_once_at_its_end() {
    let users = users();
    let debounced = users.debounced(Duration::from_secs(1));
    read(&users, "a").await;
    assert!(matches!(debounced.invalidate(&1).await, Ok(Heard::Done(_))));
    assert_eq!(read(&users, "b").await.0, "b", "the first is done at once");
    for _ in 0..5 {
        assert!(matches!(debounced.invalidate(&1).await, Ok(Heard::Folded)));
    }
    assert_eq!(read(&users, "c").await.0, "b");
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert_eq!(read(&users, "c").await.0, "c", "the others at the end of the window");
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert_eq!(users.stats().invalidations, 2);
    assert!(matches!(debounced.invalidate(&1).await, Ok(Heard::Done(_))), "a new burst");
    debounced.invalidate(&1).await.expect("memory answers");
    read(&users, "d").await;
    debounced.flush().await.expect("memory answers");
    assert_eq!(read(&users, "e").await.0, "e");
}
