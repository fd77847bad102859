use redstart_keys::Category;

use super::*;

fn near() -> Near<u64, String> {
    let space = Arc::new(Space::new(Category::Cache, "user"));
    Near::new(Some(100), Duration::from_secs(60), space)
}

fn now() -> Moment {
    let clock = redstart_connection::Clock::system();
    Moment { instant: clock.instant(), timestamp: clock.now() }
}

fn held(as_of: u64) -> Held<String> {
    Held {
        value: Some(Arc::new("Ada".to_owned())),
        as_of,
        life: None,
        tags: crate::tag::Tags::default(),
        validator: None,
    }
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
