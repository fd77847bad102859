use fastrand::Rng;

use super::*;

/// Reads of keys each of which has a hit rate of its own around `rate`, in 64 parts.
fn arm(rng: &mut Rng, rate: f64) -> Vec<Share> {
    let part = |rng: &mut Rng| {
        let keys = (0..10).map(|_| (rng.u64(1..200), (rate + (rng.f64() - 0.5) * 0.6).clamp(0.0, 1.0)));
        let keys: Vec<_> = keys.collect();
        let hits = keys.iter().map(|(reads, rate)| (0..*reads).filter(|_| rng.f64() < *rate).count() as u64);
        Share { some: hits.sum(), all: keys.iter().map(|(reads, _)| reads).sum() }
    };
    (0..64).map(|_| part(rng)).collect()
}

fn is_significant(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Known(found) if found.is_significant)
}

#[test]
fn what_is_the_same_rarely_looks_different() {
    let mut rng = Rng::with_seed(7);
    let wrong = (0..400)
        .filter(|_| is_significant(Comparison::new(&arm(&mut rng, 0.6), &arm(&mut rng, 0.6), 1)))
        .count();
    // 20 are to be expected. Counting reads as independent of each other finds more than 100.
    assert!((4..45).contains(&wrong), "{wrong}");
}

#[test]
fn what_differs_is_found() {
    let mut rng = Rng::with_seed(8);
    let found =
        (0..50).filter(|_| is_significant(Comparison::new(&arm(&mut rng, 0.6), &arm(&mut rng, 0.7), 4)));
    assert_eq!(found.count(), 50);
}

#[test]
fn too_little_says_nothing() {
    let few_parts = [Share { some: 500, all: 1_000 }; 7];
    let few_reads = [Share { some: 0, all: 1 }; 64];
    let enough = [Share { some: 5, all: 10 }; 64];
    for little in [&few_parts[..], &few_reads, &[]] {
        assert_eq!(Comparison::new(little, &enough, 1), Comparison::TooFew);
        assert_eq!(Comparison::new(&enough, little, 1), Comparison::TooFew);
    }
    assert!(!is_significant(Comparison::new(&enough, &enough, 1)), "the same");
}

#[test]
fn quantiles_are_those_of_the_tables() {
    for (tail, right) in [(0.025, 1.959_964), (0.0125, 2.241_403), (0.005, 2.575_829)] {
        assert!((quantile(tail) - right).abs() < 0.000_5, "{tail}");
    }
}

#[test]
fn sentences_say_which_way() {
    let (low, high) = ([Share { some: 2, all: 10 }; 64], [Share { some: 8, all: 10 }; 64]);
    let text = Comparison::new(&high, &low, 1).sentence("the hit rate");
    assert_eq!(text, "the hit rate is lower by 60.0 points (-60.0 to -60.0)");
    assert!(Comparison::new(&low, &low, 1).sentence("the hit rate").starts_with("no difference"));
}
