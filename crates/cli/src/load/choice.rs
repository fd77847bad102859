//! Which key, which size, which step: chosen by chance that can be repeated.

use std::fmt;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// The keys that calls choose from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Keys {
    /// How many there are.
    pub count: u64,
    /// The exponent of Zipf's law: 0 asks for all alike, 1 for the first twice as often as for the second.
    pub zipf: f64,
}

/// The sizes of values in bytes, all between these two alike.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Sizes {
    /// The smallest.
    pub least: usize,
    /// The largest.
    pub most: usize,
}

/// What one call is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// The place of its step in the mix.
    pub step: usize,
    /// The number of its key, from 0.
    pub key: u64,
    /// The size of its value in bytes.
    pub size: usize,
}

/// Chooses for one call after the other; the same seed chooses the same.
#[derive(Debug)]
pub(crate) struct Chooser {
    random: Rng,
    /// The sums of the weights of the steps.
    steps: Vec<f64>,
    keys: Keys,
    /// The sums of the weights of the keys; empty where all are alike.
    ranks: Vec<f64>,
    sizes: Sizes,
}

impl Keys {
    /// More keys than this have no table of weights: it would be larger than what it measures.
    pub const MOST_ZIPF: u64 = 5_000_000;

    /// So many keys, with this exponent of Zipf's law.
    #[must_use]
    pub const fn new(count: u64, zipf: f64) -> Self {
        Self { count, zipf }
    }

    /// What is wrong with them, and what would be right.
    pub(crate) fn check(self) -> Result<(), String> {
        let Self { count, zipf } = self;
        if count == 0 {
            return Err("keys is 0; right would be 1 or more".to_owned());
        }
        if !(0.0..=5.0).contains(&zipf) {
            return Err(format!(
                "zipf is {zipf}; right would be 0 for all keys alike, or up to 5 for very few hot ones"
            ));
        }
        if zipf > 0.0 && Self::MOST_ZIPF < count {
            let most = Self::MOST_ZIPF;
            return Err(format!(
                "keys is {count}; right would be {most} at most, or zipf = 0 for keys that are all alike"
            ));
        }
        Ok(())
    }
}

impl Choice {
    /// The step at this place of the mix, on the key of this number, with a value of so many bytes.
    #[must_use]
    pub const fn new(step: usize, key: u64, size: usize) -> Self {
        Self { step, key, size }
    }
}

impl Sizes {
    /// Sizes between these two.
    #[must_use]
    pub const fn between(least: usize, most: usize) -> Self {
        Self { least, most }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { least, most } if least == most => write!(f, "{most} bytes"),
            Self { least, most } => write!(f, "{least} to {most} bytes"),
        }
    }
}

impl Chooser {
    pub(crate) fn new(seed: u64, weights: impl IntoIterator<Item = f64>, keys: Keys, sizes: Sizes) -> Self {
        let weight = |rank: u64| (rank as f64).powf(-keys.zipf);
        let ranks = if keys.zipf > 0.0 { sums((1..=keys.count).map(weight)) } else { Vec::new() };
        Self { random: Rng::with_seed(seed), steps: sums(weights), keys, ranks, sizes }
    }

    pub(crate) fn choose(&mut self) -> Choice {
        let step = place(&self.steps, self.random.f64());
        let key = if self.ranks.is_empty() {
            self.random.u64(..self.keys.count.max(1))
        } else {
            u64::try_from(place(&self.ranks, self.random.f64())).unwrap_or_default()
        };
        Choice { step, key, size: self.random.usize(self.sizes.least..=self.sizes.most) }
    }
}

fn sums(weights: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |weight: f64| {
        sum += weight;
        sum
    };
    weights.into_iter().map(add).collect()
}

/// The place whose part of the whole holds this share of it.
fn place(sums: &[f64], share: f64) -> usize {
    let all = sums.last().copied().unwrap_or_default();
    sums.partition_point(|sum| *sum <= share * all).min(sums.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(zipf: f64) -> [u32; 4] {
        let mut chooser = Chooser::new(7, [1.0], Keys::new(4, zipf), Sizes::between(8, 8));
        let mut counts = [0; 4];
        for _ in 0..100_000 {
            counts[usize::try_from(chooser.choose().key).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn zipf_asks_for_the_first_twice_as_often_as_for_the_second() {
        // 1, 1/2, 1/3 and 1/4 of 25/12.
        for (count, share) in counts(1.0).into_iter().zip([0.48, 0.24, 0.16, 0.12]) {
            assert!((f64::from(count) / 100_000.0 - share).abs() < 0.01, "{count}");
        }
    }

    #[test]
    fn without_zipf_all_keys_are_alike() {
        assert!(counts(0.0).into_iter().all(|count| count.abs_diff(25_000) < 1_000));
    }

    #[test]
    fn steps_come_by_their_weights_and_sizes_within_their_bounds() {
        let mut chooser = Chooser::new(7, [3.0, 0.0, 1.0], Keys::new(1, 0.0), Sizes::between(10, 12));
        let mut steps = [0_u32; 3];
        for _ in 0..10_000 {
            let Choice { step, size, .. } = chooser.choose();
            steps[step] += 1;
            assert!((10..=12).contains(&size));
        }
        assert!(steps[1] == 0 && steps[0].abs_diff(7_500) < 300, "{steps:?}");
    }

    #[test]
    fn the_same_seed_chooses_the_same() {
        let walk = |seed| {
            let mut chooser = Chooser::new(seed, [1.0, 1.0], Keys::new(1_000, 1.0), Sizes::between(1, 99));
            (0..50).map(|_| chooser.choose()).collect::<Vec<_>>()
        };
        assert_eq!(walk(1), walk(1));
        assert_ne!(walk(1), walk(2));
    }
}
