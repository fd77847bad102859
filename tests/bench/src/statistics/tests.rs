use super::*;

#[test]
fn median_is_the_middle_or_between_the_two_middles() {
    assert_eq!(Summary::of(&[3.0, 1.0, 2.0]).median, 2.0);
    assert_eq!(Summary::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
}

#[test]
fn interval_of_equal_ratios_is_a_point() {
    let summary = Summary::of(&[1.5; 15]);
    assert_eq!((summary.low, summary.median, summary.high), (1.5, 1.5, 1.5));
}

#[test]
fn interval_holds_the_median_and_lies_within_the_ratios() {
    let ratios: Vec<_> = (0..15).map(|round| 0.9 + f64::from(round * 7 % 15) / 50.0).collect();
    let Summary { median, low, high, min, max, rounds } = Summary::of(&ratios);
    assert!(min <= low && low < median && median < high && high <= max);
    assert_eq!(rounds, 15);
}

#[test]
fn one_wild_round_does_not_move_the_interval_out() {
    let mut ratios = vec![1.0; 14];
    ratios.push(20.0);
    assert_eq!(Summary::of(&ratios).high, 1.0);
}
