use redstart_connection::Clock;

use super::*;

const PAUSE: Pause = Pause { first: Duration::from_millis(100), longest: Duration::from_secs(1) };

fn failure() -> Failure {
    Failure::Elsewhere("no answer".into())
}

#[test]
fn pause_doubles_up_to_the_longest() {
    let (failures, mut now) = (Failures::default(), Clock::system().instant());
    for longest in [100, 200, 400, 800, 1_000, 1_000] {
        let rest = failures.note(7, failure(), PAUSE, now);
        let longest = Duration::from_millis(longest);
        assert!(rest <= longest && longest.mul_f64(0.75) <= rest, "{rest:?} is no pause of {longest:?}");
        assert!(failures.standing(7, now).is_some());
        assert!(failures.standing(8, now).is_none(), "another id does not rest");
        now += rest;
        assert!(failures.standing(7, now).is_none(), "the pause is over");
    }
}

#[test]
fn long_silence_and_success_begin_anew() {
    let (failures, now) = (Failures::default(), Clock::system().instant());
    for _ in 0..5 {
        failures.note(7, failure(), PAUSE, now);
    }
    let later = now + Duration::from_secs(10);
    assert!(failures.note(7, failure(), PAUSE, later) <= PAUSE.first);
    failures.forget(7);
    assert!(failures.standing(7, later).is_none());
    assert!(failures.note(7, failure(), PAUSE, later) <= PAUSE.first);
}

#[test]
fn many_failing_ids_are_bounded() {
    let (failures, now) = (Failures::default(), Clock::system().instant());
    for mark in 0..20_000 {
        failures.note(mark, failure(), PAUSE, now);
    }
    assert_eq!(failures.lock().len(), MOST);
    failures.note(0, failure(), PAUSE, now + Duration::from_secs(60));
    assert_eq!(failures.lock().len(), 1, "those long over make room");
}
