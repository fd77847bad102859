use super::Minute;

#[test]
fn one_answer_in_a_hundred_is_nothing_to_speak_of() {
    let policy = Minute::default();
    for _ in 0..10 {
        for _ in 0..99 {
            assert_eq!(policy.count(0, false), None);
        }
        assert_eq!(policy.count(0, true), None);
    }
}

#[test]
fn more_than_that_is_spoken_of_once_a_minute() {
    let policy = Minute::default();
    for _ in 0..150 {
        policy.count(0, false);
    }
    assert_eq!(policy.count(0, true), None);
    assert_eq!(policy.count(0, true), Some((2, 152)));
    assert_eq!(policy.count(0, true), None);
    assert_eq!(policy.count(1, true), Some((1, 1)));
}
