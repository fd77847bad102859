use super::*;

fn after(samples: impl Iterator<Item = u64>) -> Duration {
    let adaptive = Adaptive::default();
    samples.map(Duration::from_millis).for_each(|took| adaptive.note(took));
    adaptive.allowed()
}

#[test]
fn nothing_is_concluded_from_few_answers() {
    assert_eq!(after([1; SAMPLES - 1].into_iter()), Duration::from_micros(u64::MAX));
}

#[test]
fn quick_server_has_the_least_and_a_distant_one_four_times_its_percentile() {
    assert_eq!(after([1; SAMPLES].into_iter()), LEAST);
    assert_eq!(after([40; SAMPLES].into_iter()), Duration::from_millis(160));
}

#[test]
fn one_slow_answer_in_a_hundred_changes_nothing() {
    let samples = (0..SAMPLES).map(|nth| if nth < 2 { 10_000 } else { 10 });
    assert_eq!(after(samples), Duration::from_millis(40));
}

#[test]
fn server_that_moved_away_is_learned_again() {
    // Each time-out counts as long as was allowed, so what is allowed grows fourfold.
    let near = [1; SAMPLES].into_iter();
    assert_eq!(after(near.chain([25; SAMPLES])), Duration::from_millis(100));
}
