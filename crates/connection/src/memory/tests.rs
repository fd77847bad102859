use std::{sync::Arc, thread, time::Duration};

use redstart_keys::{Category, Entity, Ttl};

use super::Memory;
use crate::{ErrorKind, Timestamp};

const COUNT: Entity<u64> = Entity::new(Category::Counter, "count").ttl(Ttl::hours(1));
const T0: Timestamp = Timestamp::from_micros(1_000_000);

fn memory(max_entries: usize) -> Memory {
    Memory::bounded(max_entries, 1 << 20, None)
}

fn later(seconds: u64) -> Timestamp {
    T0.saturating_add(Duration::from_secs(seconds))
}

#[test]
fn entry_ends_at_its_deadline() {
    let memory = memory(10);
    let key = COUNT.key(&1);
    memory.with(&[&key], T0, |tx| tx.put(&key, 5_u32, later(10))).expect("there is room");
    let read = |now| memory.with(&[&key], now, |tx| tx.get::<u32>(&key).map(|count| *count));
    assert_eq!(read(later(9)), Some(5));
    assert_eq!(read(later(10)), None);
}

#[test]
fn another_type_reads_as_absent() {
    let memory = memory(10);
    let key = COUNT.key(&1);
    memory.with(&[&key], T0, |tx| tx.put(&key, 5_u32, later(10))).expect("there is room");
    assert_eq!(memory.with(&[&key], T0, |tx| tx.get::<String>(&key)), None);
}

#[test]
fn several_keys_change_as_one() {
    let memory = Arc::new(memory(10));
    let (left, right) = (COUNT.key(&1), COUNT.key(&2));
    let threads: Vec<_> = (0..4)
        .map(|turn| {
            let (memory, left, right) = (Arc::clone(&memory), left.clone(), right.clone());
            thread::spawn(move || {
                for _ in 0..500 {
                    // Both orders, so that a lock taken out of order would wait for ever.
                    let keys = if turn % 2 == 0 { [&left, &right] } else { [&right, &left] };
                    memory.with(&keys, T0, |tx| {
                        let sum = tx.get::<u64>(&left).map_or(0, |count| *count) + 1;
                        assert_eq!(tx.get::<u64>(&right).map_or(0, |count| *count), sum - 1);
                        tx.put(&left, sum, later(60)).expect("there is room");
                        tx.put(&right, sum, later(60)).expect("there is room");
                    });
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no step saw half of another");
    }
    assert_eq!(memory.with(&[&left], T0, |tx| tx.get::<u64>(&left)).as_deref(), Some(&2_000));
}

#[test]
fn full_store_refuses_new_keys_and_keeps_old_ones() {
    let memory = memory(2);
    let put = |id, now, until| {
        let key = COUNT.key(&id);
        memory.with(&[&key], now, |tx| tx.put(&key, id, until))
    };
    put(1, T0, later(10)).expect("there is room");
    put(2, T0, later(20)).expect("there is room");
    assert_eq!(put(3, T0, later(20)).expect_err("it is full").kind(), ErrorKind::Overloaded);
    put(2, T0, later(30)).expect("an old key may change");
    put(3, later(10), later(20)).expect("the expired entry made room");
    assert_eq!(memory.entries(), 2);
}

#[test]
fn removed_entries_make_room() {
    let memory = memory(1);
    for id in 0..100 {
        let key = COUNT.key(&id);
        memory.with(&[&key], T0, |tx| tx.put(&key, id, later(10))).expect("the last one was removed");
        assert!(memory.with(&[&key], T0, |tx| tx.remove(&key)));
    }
    assert_eq!(memory.entries(), 0);
}

#[test]
fn pattern_removes_what_it_matches_alone() {
    let memory = memory(10);
    const OTHER: Entity<u64> = Entity::new(Category::Counter, "other").ttl(Ttl::hours(1));
    for key in [COUNT.key(&1), COUNT.key(&2), OTHER.key(&1)] {
        memory.with(&[&key], T0, |tx| tx.put(&key, 1_u8, later(10))).expect("there is room");
    }
    assert_eq!(memory.remove_matching(&COUNT.pattern(), T0), 2);
    assert_eq!(memory.scan(&redstart_keys::Pattern::all(), T0), [OTHER.key(&1)]);
}

#[test]
fn expired_entries_that_come_again_are_counted_once() {
    let memory = memory(1_000);
    for round in 0..4 {
        for id in 0..50 {
            let key = COUNT.key(&id);
            memory
                .with(&[&key], later(10 * round), |tx| tx.put(&key, id, later(10 * round + 5)))
                .expect("room");
        }
        assert_eq!(memory.entries(), 50);
    }
}

#[test]
fn expired_entries_do_not_pile_up_in_a_store_that_is_not_full() {
    let memory = memory(1_000_000);
    for second in 0..100_000 {
        let key = COUNT.key(&second);
        memory.with(&[&key], later(second), |tx| tx.put(&key, 1_u8, later(second + 100))).expect("room");
    }
    // A few in each stripe, however many came by.
    assert!(memory.entries() <= 256 * 16, "{} entries", memory.entries());
}

#[test]
fn owned_value_is_changed_in_place() {
    let memory = memory(10);
    let key = COUNT.key(&1);
    memory.with(&[&key], T0, |tx| tx.put_owned(&key, 1_u32, later(10))).expect("there is room");
    memory.with(&[&key], T0, |tx| {
        let (count, ends_at) = tx.get_mut::<u32>(&key).expect("it is there");
        assert_eq!(ends_at, Some(later(10)));
        *count += 1;
        assert_eq!(tx.get::<u32>(&key), None, "nobody may keep it");
        assert_eq!(tx.get_mut::<u64>(&key), None);
    });
    let read = |now| memory.with(&[&key], now, |tx| tx.get_mut::<u32>(&key).map(|(count, _)| *count));
    assert_eq!((read(later(9)), read(later(10))), (Some(2), None));
}

#[test]
#[should_panic(expected = "has not named")]
fn step_touches_only_keys_that_it_named() {
    let memory = memory(10);
    let named = COUNT.key(&0);
    memory.with(&[&named], T0, |tx| {
        // Some of them lie in other stripes than the named one.
        for id in 1..50 {
            assert!(!tx.contains(&COUNT.key(&id)));
        }
    });
}

#[test]
fn steps_that_search_a_full_store_do_not_wait_in_a_circle() {
    let memory = Arc::new(memory(512));
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                for round in 0..2_000 {
                    let (left, right) = (COUNT.key(&(4 * round + thread)), COUNT.key(&(9_999 - round)));
                    // All that was put before has expired, so each step may have to make room.
                    let now = later(10 * round);
                    memory.with(&[&left, &right], now, |tx| {
                        let _full = tx.put(&left, 1_u8, later(10 * round + 5));
                        let _full = tx.put(&right, 1_u8, later(10 * round + 5));
                    });
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert!(memory.entries() <= 512 + 4, "{} entries", memory.entries());
}

#[test]
fn full_store_is_not_searched_at_every_call() {
    let memory = memory(1);
    let put = |id: u64, now, until| {
        let key = COUNT.key(&id);
        memory.with(&[&key], now, |tx| tx.put(&key, id, until))
    };
    put(1, T0, T0.saturating_add(Duration::from_millis(500))).expect("there is room");
    assert!(put(2, T0, later(9)).is_err());
    assert!(put(2, T0.saturating_add(Duration::from_millis(600)), later(9)).is_err(), "searched too soon");
    put(2, later(1), later(9)).expect("the expired entry made room");
}

#[test]
fn key_is_either_state_or_a_value() {
    let memory = memory(10);
    let key = COUNT.key(&1);
    let read = || memory.with(&[&key], T0, |tx| tx.get::<u8>(&key).map(|value| *value));
    memory.with(&[&key], T0, |tx| tx.put(&key, 1_u8, later(10))).expect("there is room");
    memory.with(&[&key], T0, |tx| tx.put_value(&key, 2_u8, 1, later(10)));
    assert_eq!((read(), memory.entries()), (Some(2), 0));
    memory.with(&[&key], T0, |tx| tx.put(&key, 3_u8, later(10))).expect("there is room");
    assert_eq!((read(), memory.entries()), (Some(3), 1));
    assert!(memory.with(&[&key], T0, |tx| tx.remove(&key)));
    assert_eq!(read(), None);
}
