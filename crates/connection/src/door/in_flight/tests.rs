use std::{sync::Barrier, thread};

use super::*;

/// More than have a stripe of their own.
const THREADS: usize = 3 * STRIPES;

#[test]
fn steps_of_all_threads_are_counted_until_they_end() {
    let (calls, begun, may_end) = (InFlight::default(), Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let outer = calls.step().unwrap();
                let inner = calls.step().unwrap();
                drop(inner);
                begun.wait();
                may_end.wait();
                drop(outer);
            });
        }
        begun.wait();
        assert_eq!(calls.count(), THREADS);
        calls.close();
        assert!(calls.step().is_err() && calls.enter().is_err());
        assert_eq!(calls.count(), THREADS, "what is refused is not counted");
        may_end.wait();
    });
    assert_eq!(calls.count(), 0);
}

#[test]
fn steps_and_calls_of_one_thread_are_counted_apart() {
    let calls = InFlight::default();
    let call = calls.enter().unwrap();
    let step = calls.step().unwrap();
    assert_eq!(calls.count(), 2);
    // A call may end on another thread than it began on.
    thread::scope(|scope| scope.spawn(|| drop(call)).join().unwrap());
    assert_eq!(calls.count(), 1);
    drop(step);
    assert_eq!(calls.count(), 0);
}
