#![expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]

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

/// Whether reads that were independent of each other would differ by more than chance.
fn differs_by_reads(left: &[Share], right: &[Share]) -> bool {
    let sum = |arm: &[Share]| {
        let (some, all) = arm.iter().fold((0, 0), |(some, all), part| (some + part.some, all + part.all));
        (some as f64 / all as f64, all as f64)
    };
    let ((left, lefts), (right, rights)) = (sum(left), sum(right));
    let deviation = (left * (1.0 - left) / lefts + right * (1.0 - right) / rights).sqrt();
    1.96 * deviation < (left - right).abs()
}

#[test]
fn what_is_the_same_rarely_looks_different() {
    let mut rng = Rng::with_seed(7);
    let pairs: Vec<_> = (0..400).map(|_| (arm(&mut rng, 0.6), arm(&mut rng, 0.6))).collect();
    let wrong = pairs.iter().filter(|(left, right)| is_significant(Comparison::new(left, right, 1))).count();
    // 20 are to be expected.
    assert!((4..45).contains(&wrong), "{wrong}");
    let wrong = pairs.iter().filter(|(left, right)| differs_by_reads(left, right)).count();
    assert!(200 < wrong, "reads of one key are not independent: {wrong}");
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
