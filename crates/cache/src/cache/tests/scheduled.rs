//! Invalidations of moments to come, under a clock that the test moves.

use redstart_connection::ErrorKind;

use super::*;
use crate::{loaded::Loaded, operations::Schedule, scheduled::Scheduled, tag::Tag};

const WAIT: Duration = Duration::from_secs(600);
const MOMENT: Timestamp = Timestamp::from_micros(601_000_000);
const BEFORE: Duration = Duration::from_micros(599_999_999);
const A_MICRO: Duration = Duration::from_micros(1);

fn on_clock(entity: &Entity<u64>) -> (Users, Clock) {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    (Users::builder(&Store::memory_with(clock.clone()), entity).jitter(0.0).build(), clock)
}

/// Lets this process see that time has passed: its timer runs on the runtime's clock.
async fn passes(clock: &Clock, time: Duration) {
    clock.advance(time);
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn waiting(users: &Users) -> (u64, Option<Timestamp>) {
    let Scheduled { waiting, next } = users.scheduled().await.expect("memory answers");
    (waiting, next)
}

#[tokio::test(start_paused = true)]
async fn value_goes_at_its_moment_once_and_not_before() {
    for entity in [USER, NOTE] {
        let (users, clock) = on_clock(&entity);
        read(&users, "a").await;
        users.invalidate_at(&1, MOMENT).await.expect("memory answers");
        assert_eq!(waiting(&users).await, (1, Some(MOMENT)));
        passes(&clock, BEFORE).await;
        assert_eq!(read(&users, "b").await.0, "a");
        passes(&clock, A_MICRO).await;
        assert_eq!(read(&users, "b").await.0, "b");
        passes(&clock, Duration::from_secs(10)).await;
        assert_eq!(read(&users, "c").await.0, "b", "it is done once");
        assert_eq!(waiting(&users).await, (0, None));
        assert_eq!(users.stats().scheduled, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn load_that_began_before_the_moment_is_not_kept() {
    let (users, clock) = on_clock(&USER);
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let old = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
    started.notified().await;
    users.invalidate_after(&1, Duration::from_secs(5)).await.expect("memory answers");
    passes(&clock, Duration::from_secs(5)).await;
    go.notify_one();
    assert_eq!(old.await.expect("no panic"), "old");
    assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
}

#[tokio::test(start_paused = true)]
async fn each_moment_of_an_id_counts_and_each_of_them_once() {
    let (users, clock) = on_clock(&USER);
    let earlier = Timestamp::from_micros(301_000_000);
    for at in [MOMENT, earlier, MOMENT] {
        users.invalidate_at(&1, at).await.expect("memory answers");
    }
    assert_eq!(waiting(&users).await, (2, Some(earlier)));
    read(&users, "a").await;
    passes(&clock, WAIT / 2).await;
    assert_eq!(read(&users, "b").await.0, "b");
    passes(&clock, WAIT / 2).await;
    assert_eq!(read(&users, "c").await.0, "c");
    assert_eq!(waiting(&users).await.0, 0);
}

#[tokio::test(start_paused = true)]
async fn past_moment_is_now() {
    let (users, _) = on_clock(&USER);
    read(&users, "a").await;
    users.invalidate_at(&1, Timestamp::from_micros(5)).await.expect("memory answers");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(read(&users, "b").await.0, "b");
}

#[tokio::test(start_paused = true)]
async fn tag_and_everything_go_at_their_moments() {
    for by_tag in [true, false] {
        let (users, clock) = on_clock(&USER);
        let tag = Tag::new("sale").expect("a tag");
        let load = |value: &'static str| {
            let loaded = Loaded::new(value.to_owned()).tag(tag.clone());
            move || async move { Ok::<_, Infallible>(loaded) }
        };
        users.get_or_load(&1, load("a")).await.expect("it loads");
        let at = match by_tag {
            true => users.invalidate_tag_after(&tag, WAIT).await,
            false => users.clear_after(WAIT).await,
        };
        assert_eq!(at.expect("memory answers"), MOMENT);
        passes(&clock, BEFORE).await;
        assert_eq!(read(&users, "b").await.0, "a");
        passes(&clock, A_MICRO).await;
        assert_eq!(read(&users, "b").await.0, "b", "by tag: {by_tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_does_not_happen() {
    let (users, clock) = on_clock(&USER);
    let tag = Tag::new("sale").expect("a tag");
    read(&users, "a").await;
    users.invalidate_at(&1, MOMENT).await.expect("memory answers");
    users.invalidate_tag_at(&tag, MOMENT).await.expect("memory answers");
    users.clear_at(MOMENT).await.expect("memory answers");
    assert!(!users.cancel_invalidation(&2, MOMENT).await.expect("memory answers"), "another id");
    assert!(!users.cancel_clear(Timestamp::from_micros(7)).await.expect("memory answers"), "another moment");
    assert_eq!(waiting(&users).await.0, 3);
    assert!(users.cancel_invalidation(&1, MOMENT).await.expect("memory answers"));
    assert!(users.cancel_tag_invalidation(&tag, MOMENT).await.expect("memory answers"));
    assert!(users.cancel_clear(MOMENT).await.expect("memory answers"));
    assert!(!users.cancel_clear(MOMENT).await.expect("memory answers"), "it is gone");
    passes(&clock, WAIT).await;
    assert_eq!(read(&users, "b").await.0, "a");
}

#[tokio::test(start_paused = true)]
async fn second_invalidation_comes_later() {
    let (users, clock) = on_clock(&USER);
    read(&users, "a").await;
    users.invalidate_twice(&1, Duration::from_secs(3)).await.expect("memory answers");
    // A copy of the source that lags behind says what is old.
    assert_eq!(read(&users, "a").await, ("a".into(), Source::Loaded));
    passes(&clock, Duration::from_secs(3)).await;
    assert_eq!(read(&users, "b").await.0, "b");
}

#[tokio::test(start_paused = true)]
async fn thousands_of_one_moment_are_all_done() {
    let (users, clock) = on_clock(&USER);
    for id in 0..3_000 {
        users.set(&id, &"a".to_owned()).await.expect("memory answers");
        users.invalidate_at(&id, MOMENT).await.expect("memory answers");
    }
    passes(&clock, WAIT).await;
    for id in 0..3_000 {
        assert!(users.get(&id).await.expect("memory answers").is_none(), "{id}");
    }
    assert_eq!(waiting(&users).await, (0, None));
}

#[tokio::test]
async fn bounds_are_said() {
    let (users, _) = on_clock(&USER);
    let year = Duration::from_secs(366 * 24 * 3_600);
    users.invalidate_after(&1, year).await.expect("the farthest");
    let error = users.invalidate_after(&1, year + A_MICRO).await.expect_err("too far");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("'user'") && error.to_string().contains("366 days"), "{error}");
    for plain in [Users::new(&Store::memory(), &NOTE)] {
        assert!(plain.clear_at(MOMENT).await.is_err());
        assert!(plain.invalidate_tag_at(&Tag::new("sale").expect("a tag"), MOMENT).await.is_err());
    }
    for waits in 0..100_000_u64 {
        let what = Bytes::from(format!("{waits}"));
        let schedule = Schedule::at(users.0.space.queue.clone(), MOMENT, what, None);
        users.0.store.run(&schedule).await.expect("memory answers");
    }
    let error = users.invalidate_at(&1, MOMENT).await.expect_err("as many wait as may");
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(error.to_string().contains("100000 invalidations of 'user'"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn task_ends_when_nothing_waits_and_begins_again() {
    let (users, clock) = on_clock(&USER);
    let tasks = users.0.store.tasks().clone();
    assert_eq!(tasks.running(), 0, "nobody pays who puts nothing off");
    for round in 0..2 {
        let at = users.invalidate_after(&1, WAIT).await.expect("memory answers");
        assert_eq!(tasks.running(), 1, "round {round}");
        assert_eq!(at, MOMENT.saturating_add((WAIT + Duration::from_secs(20)) * round));
        passes(&clock, WAIT).await;
        passes(&clock, Duration::from_secs(20)).await;
        assert_eq!(tasks.running(), 0, "round {round}");
    }
}
