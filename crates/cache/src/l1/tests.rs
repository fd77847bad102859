use std::sync::Weak;

use redstart_keys::Category;

use super::*;
use crate::held::About;

fn near() -> Near<u64, String> {
    let space = Arc::new(Space::new(Category::Cache, "user"));
    Near::new(Some(100), Duration::from_secs(60), space)
}

fn now() -> Moment {
    let clock = redstart_connection::Clock::system();
    Moment { instant: clock.instant(), timestamp: clock.now() }
}

fn held(as_of: u64) -> Held<String> {
    let about = About { as_of, life: None, tags: crate::tag::Tags::default(), validator: None };
    Held::new(Some(Arc::new("Ada".to_owned())), about)
}

fn put(near: &Near<u64, String>, id: u64, as_of: u64) {
    let name = id.to_string();
    let spot = near.spot(&id, name.as_bytes());
    near.keep(spot, &held(as_of), near.epoch(spot), now());
}

#[test]
fn last_of_those_who_leave_together_takes_the_flight_off_the_list() {
    let near = near();
    let spot = near.spot(&1, b"1");
    // Both still hold the flight while they leave.
    let (one, two) = (near.join(spot, now().instant, None), near.join(spot, now().instant, None));
    near.leave(spot, &one);
    assert_eq!(near.flights(), 1);
    near.leave(spot, &two);
    assert_eq!(near.flights(), 0);
}

#[test]
fn who_leaves_an_older_flight_does_not_end_the_present_one() {
    let near = near();
    let spot = near.spot(&1, b"1");
    let old = near.join(spot, now().instant, None);
    near.forget(b"1", None);
    let present = near.join(spot, now().instant, None);
    near.leave(spot, &old);
    assert!(Arc::ptr_eq(&present, &near.join(spot, now().instant, None)));
}

#[test]
fn news_removes_what_is_older_and_nothing_else() {
    let near = near();
    put(&near, 1, 10);
    put(&near, 2, 10);
    assert!(!near.forget(b"1", Some(10)), "it knows of that change");
    assert!(near.get(&1, now().instant).is_some());
    assert!(near.forget(b"1", Some(11)));
    assert!(near.get(&1, now().instant).is_none());
    assert!(near.get(&2, now().instant).is_some());
    assert!(near.forget(b"2", None), "without a moment it concerns whatever is there");
}

#[test]
fn what_was_read_before_news_is_not_put_in_after_it() {
    let near = near();
    let spot = near.spot(&1, b"1");
    let flight = near.join(spot, now().instant, None);
    near.forget(b"1", Some(11));
    near.land(spot, &flight, &held(10), true, now());
    assert!(near.get(&1, now().instant).is_none());

    let flight = near.join(spot, now().instant, None);
    flight.is_of(12);
    near.forget(b"1", Some(11));
    near.land(spot, &flight, &held(12), true, now());
    assert!(near.get(&1, now().instant).is_some(), "its load began after the change");
}

#[test]
fn read_that_may_bring_something_older_than_was_shown_is_not_joined() {
    let near = near();
    let spot = near.spot(&1, b"1");
    let older = near.join(spot, now().instant, None);
    near.shown(spot, 10);
    let present = near.join(spot, now().instant, None);
    assert!(!Arc::ptr_eq(&older, &present));
    near.land(spot, &older, &held(9), true, now());
    assert!(near.get(&1, now().instant).is_none(), "nor is it kept");
    // One that is known to be as late as that may be joined.
    present.is_of(11);
    near.shown(spot, 11);
    assert!(Arc::ptr_eq(&present, &near.join(spot, now().instant, None)));
}

#[test]
fn ids_of_values_that_are_gone_are_given_up() {
    let near = near();
    for id in 0..20_000 {
        put(&near, id, 1);
    }
    let ids: usize = near.shards.iter().map(|shard| shard.lock().unwrap().ids.len()).sum();
    near.len();
    assert!(ids < 4_000, "{ids} ids of 100 values");
}

/// Asks the tier that it was kept in for other values when it is dropped.
struct Curious(Weak<Near<u64, Self>>, Arc<AtomicUsize>);

impl Drop for Curious {
    fn drop(&mut self) {
        let Some(near) = self.0.upgrade() else { return };
        self.1.fetch_add(1, Ordering::SeqCst);
        for id in 0..100 {
            let name = id.to_string();
            let epoch = near.epoch(near.spot(&id, name.as_bytes()));
            std::hint::black_box((near.get(&id, now().instant), epoch));
        }
    }
}

#[test]
fn destructor_may_ask_the_tier_that_dropped_its_value() {
    let space = Arc::new(Space::new(Category::Cache, "user"));
    let near = Arc::new(Near::new(Some(100), Duration::from_secs(60), space));
    let dropped = Arc::new(AtomicUsize::new(0));
    let put = |id: u64, as_of: u64| {
        let name = id.to_string();
        let spot = near.spot(&id, name.as_bytes());
        let value = Curious(Arc::downgrade(&near), Arc::clone(&dropped));
        let about = About { as_of, life: None, tags: crate::tag::Tags::default(), validator: None };
        near.keep(spot, &Held::new(Some(Arc::new(value)), about), near.epoch(spot), now());
    };
    let dropped_by = |change: &dyn Fn()| {
        let before = dropped.load(Ordering::SeqCst);
        change();
        dropped.load(Ordering::SeqCst) - before
    };
    put(1, 10);
    assert_eq!(dropped_by(&|| put(1, 11)), 1, "replaced");
    assert_eq!(dropped_by(&|| assert!(near.forget(b"1", None))), 1, "removed");
    assert!(dropped_by(&|| (0..1_000).for_each(|id| put(id, 1))) >= 900, "for want of room");
    let left = usize::try_from(near.len()).unwrap();
    assert_eq!((dropped_by(&|| near.clear()), near.len()), (left, 0), "cleared");
}

#[test]
fn never_more_values_than_there_is_room_for() {
    for room in [0, 1, 7, 100, 1_003] {
        let space = Arc::new(Space::new(Category::Cache, "user"));
        let near = Near::new(Some(room), Duration::from_secs(60), space);
        (0..5_000).for_each(|id| put(&near, id, 1));
        assert!(near.len() <= room, "{} of {room}", near.len());
        assert!(near.len() * 2 >= room, "{} of {room}", near.len());
        assert_eq!(near.evictions().count() + near.len(), 5_000);
    }
}
