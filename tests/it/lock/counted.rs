//! What the metrics of locks count.

use std::time::Duration;

use redstart_connection::{Clock, Store, Timestamp};
use redstart_lock::{LockError, Locks};
use redstart_monitor::{Exposition, Monitor};
use redstart_testkit::eventually;

use super::{LONG, PAYOUT, key, request};
use crate::support::GUARD;

/// The value of a series of the lock on a page of metrics; 0 if it is not there.
fn value(page: &str, name: &str, more: &str) -> u64 {
    let series = format!("redstart_lock_{name}{{lock=\"{}\"{more}}} ", PAYOUT.name());
    page.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |value| value.parse().unwrap())
}

/// How many waits and holds have ended, how many had to wait, how many were lost by their time, how many were forced.
fn counts(page: &str) -> [u64; 5] {
    [
        value(page, "wait_seconds_count", ""),
        value(page, "hold_seconds_count", ""),
        value(page, "contended_total", ""),
        value(page, "losses_total", ",cause=\"expired\""),
        value(page, "forced_total", ""),
    ]
}

#[tokio::test]
async fn waits_holds_contention_losses_and_forced_releases_are_counted_once() {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    let store = Store::memory_with(clock.clone());
    let Ok(exposition) = Exposition::install(&Monitor::new(store.clone())) else {
        println!("skipped: another test of this process has its recorder; cargo-nextest gives each its own");
        return;
    };
    let locks = Locks::new(store.clone());
    let held = request(&locks).acquire().await.unwrap();
    held.release().await.unwrap();
    assert_eq!(counts(&exposition.render().await), [1, 1, 0, 0, 0]);

    // The last one waits in line, then behind a holder of its own process, and asks the store as well.
    let held = request(&locks).acquire().await.unwrap();
    let store_knows_a_waiter =
        async || locks.holder(&key()).await.unwrap().is_some_and(|holder| holder.waiting == 1);
    let (next, last) = (request(&locks), request(&locks));
    let handing_on = async {
        let next = next.acquire().await.unwrap();
        eventually(GUARD, store_knows_a_waiter).await;
        next.release().await.unwrap();
    };
    let ((), got, ()) = tokio::join!(handing_on, last.acquire(), async {
        eventually(GUARD, store_knows_a_waiter).await;
        held.release().await.unwrap();
    });
    assert_eq!(counts(&exposition.render().await), [4, 3, 2, 0, 0]);

    let lost = got.unwrap();
    clock.advance(2 * LONG.as_duration());
    lost.release().await.unwrap();
    assert_eq!(counts(&exposition.render().await), [4, 4, 2, 1, 0]);

    let forced = request(&locks).acquire().await.unwrap();
    locks.force_release(&key()).await.unwrap();
    drop(forced);
    assert_eq!(counts(&exposition.render().await), [5, 5, 2, 1, 1]);

    eventually(GUARD, async || locks.pending_releases() == 0).await;
    let unreleased = request(&locks).acquire().await.unwrap();
    let _not_clean = store.shutdown(Duration::ZERO).await;
    assert!(matches!(unreleased.release().await, Err(LockError::Unavailable(_))));
    assert_eq!(counts(&exposition.render().await), [6, 6, 2, 1, 1]);
}
