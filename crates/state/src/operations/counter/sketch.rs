//! A HyperLogLog for the embedded store.

use std::{collections::BTreeSet, f64::consts::LN_2};

use sha2::{Digest as _, Sha256};

/// Bits of a hash that choose a register: as many as Redis has, for a standard error of 0.81 %.
const BITS: u32 = 14;
const REGISTERS: usize = 1 << BITS;
/// The highest rank of a register is one more.
const RANKS: u8 = 50;
/// Up to so many are remembered one by one, and counted exactly.
const FEW: usize = 1024;

/// How many different ones there were, about.
///
/// Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007,
/// with the estimator of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, which
/// is as good in the middle of its range as at the ends.
#[derive(Clone, Default)]
pub(super) struct Sketch {
    few: BTreeSet<u64>,
    /// The highest rank of each register; empty while there are few.
    registers: Vec<u8>,
}

impl Sketch {
    /// Notes one; answers whether the number may have risen.
    pub(super) fn see(&mut self, visitor: &[u8]) -> bool {
        self.note(hash(visitor))
    }

    /// Takes over what another has noted.
    pub(super) fn merge(&mut self, other: &Self) {
        for hash in &other.few {
            self.note(*hash);
        }
        if !other.registers.is_empty() {
            self.spread();
        }
        for (our, their) in self.registers.iter_mut().zip(&other.registers) {
            *our = (*our).max(*their);
        }
    }

    /// About how many there were.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate with an error of a hundredth, and never below zero"
    )]
    pub(super) fn count(&self) -> u64 {
        if self.registers.is_empty() {
            return u64::try_from(self.few.len()).unwrap_or(u64::MAX);
        }
        let count = REGISTERS as f64;
        let share = |rank: u8| self.registers.iter().filter(|other| **other == rank).count() as f64;
        let last = RANKS.saturating_add(1);
        let inner = (1..=RANKS).rev();
        let sum = inner.fold(count * tau(1.0 - share(last) / count), |sum, rank| 0.5 * (sum + share(rank)));
        let estimate = count * count / (2.0 * LN_2 * (sum + count * sigma(share(0) / count)));
        estimate.round() as u64
    }

    fn note(&mut self, hash: u64) -> bool {
        if self.registers.is_empty() {
            if self.few.contains(&hash) || self.few.len() < FEW {
                return self.few.insert(hash);
            }
            self.spread();
        }
        self.raise(hash)
    }

    /// Goes over from single ones to registers.
    fn spread(&mut self) {
        if self.registers.is_empty() {
            self.registers = vec![0; REGISTERS];
            for hash in std::mem::take(&mut self.few) {
                self.raise(hash);
            }
        }
    }

    fn raise(&mut self, hash: u64) -> bool {
        let index = usize::try_from(hash >> (64 - BITS)).unwrap_or(0);
        // The bit behind the hash bounds the rank.
        let rank = ((hash << BITS) | 1 << (BITS - 1)).leading_zeros() + 1;
        let rank = u8::try_from(rank).unwrap_or(u8::MAX);
        let Some(register) = self.registers.get_mut(index) else { return false };
        let rises = *register < rank;
        *register = (*register).max(rank);
        rises
    }
}

/// Ertl, algorithm 6: what registers that nobody met stand for.
fn sigma(mut x: f64) -> f64 {
    if 1.0 <= x {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

/// Ertl, algorithm 6: what registers of the highest rank stand for.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || 1.0 <= x {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before <= z {
            return z / 3.0;
        }
    }
}

fn hash(visitor: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(visitor).into();
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u32>) -> Sketch {
        let mut sketch = Sketch::default();
        range.for_each(|visitor| {
            sketch.see(&visitor.to_be_bytes());
        });
        sketch
    }

    #[test]
    fn few_are_counted_exactly_and_many_within_three_standard_errors() {
        for count in [0, 1, 1_000, 1_024] {
            assert_eq!(of(0..count).count(), u64::from(count));
        }
        for count in [1_025_u32, 5_000, 40_000, 200_000] {
            let estimate = f64::from(u32::try_from(of(0..count).count()).unwrap());
            assert!((estimate / f64::from(count) - 1.0).abs() < 0.025, "{estimate} of {count}");
        }
    }

    #[test]
    fn merging_counts_nobody_twice() {
        for (a, b) in [(0..500, 250..750), (0..30_000, 20_000..20_100), (20_000..20_100, 0..30_000)] {
            let (end, start) = (a.end.max(b.end), a.start.min(b.start));
            let mut merged = of(a);
            merged.merge(&of(b));
            assert_eq!(merged.count(), of(start..end).count());
        }
    }

    #[test]
    fn who_was_seen_raises_nothing() {
        let mut sketch = of(0..30_000);
        assert!((0..30_000_u32).all(|visitor| !sketch.see(&visitor.to_be_bytes())));
    }
}
