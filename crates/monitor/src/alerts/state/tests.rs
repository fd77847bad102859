use redstart_connection::Clock;

use super::*;

const HOLD: Duration = Duration::from_secs(30);

/// What changed after each answer; they come ten seconds apart.
fn changes(answers: &str) -> Vec<(u64, Change)> {
    let begun = Clock::system().instant();
    let mut state = State::default();
    let mut changes = Vec::new();
    for (second, answer) in (0..).step_by(10).zip(answers.chars()) {
        let answer = match answer {
            'w' => Answer::Wrong,
            'b' => Answer::Between,
            _ => Answer::Right,
        };
        let change = state.step(answer, HOLD, begun + Duration::from_secs(second));
        changes.extend(change.map(|change| (second, change)));
    }
    changes
}

#[test]
fn alert_fires_and_resolves_once() {
    assert_eq!(changes("..wwwwwwwww.........."), [(50, Change::Fired), (170, Change::Resolved)]);
}

#[test]
fn what_is_wrong_for_a_short_while_is_not_told() {
    assert_eq!(changes("www.www.www.wbw.wwb"), []);
}

#[test]
fn flapping_value_fires_once_and_goes_on_firing() {
    assert_eq!(changes("wwww.w.w.w.w.w..w...w.....w"), [(30, Change::Fired)]);
}

#[test]
fn value_between_the_bounds_changes_nothing() {
    assert_eq!(changes("bbbbbbbbbb"), []);
    assert_eq!(changes("wwwwbbbbbbbbbbbbbbbbbbbb"), [(30, Change::Fired)]);
    assert_eq!(changes("wwww.....b......."), [(30, Change::Fired), (160, Change::Resolved)]);
}

#[test]
fn second_trouble_is_told_again() {
    let twice = changes("wwww.......wwww.......");
    assert_eq!(twice.iter().map(|(second, _)| *second).collect::<Vec<_>>(), [30, 100, 140, 210]);
}
