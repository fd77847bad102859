//! Whether a difference is one, or chance.

use std::fmt;

use serde::Serialize;

/// The fewest parts with counts that anything is said of.
const FEWEST_PARTS: usize = 8;
/// The fewest counts that anything is said of.
const FEWEST: u64 = 100;

/// A part of an arm: so many of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) some: u64,
    pub(super) all: u64,
}

/// What can be said of two shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    /// There is too little to say anything.
    TooFew,
    /// How they differ.
    Known(Difference),
}

/// How much larger one share is than another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The difference; 0.1 is ten points.
    pub difference: f64,
    /// The lower end of what it may be.
    pub low: f64,
    /// The upper end of what it may be.
    pub high: f64,
    /// Whether it is more than chance: all that it may be has the same sign.
    pub is_significant: bool,
}

impl Comparison {
    /// Compares a share with that of a control, as one of so many comparisons made at the same time.
    ///
    /// The variance of each share is estimated by the jackknife over its parts (Quenouille 1949, Tukey
    /// 1958), since reads of one key are not independent of each other; that all comparisons of one report
    /// are right together has a probability of 95 % (Bonferroni).
    pub(super) fn new(control: &[Share], other: &[Share], comparisons: usize) -> Self {
        let (Some(control), Some(other)) = (Estimate::new(control), Estimate::new(other)) else {
            return Self::TooFew;
        };
        #[expect(clippy::cast_precision_loss, reason = "there are a few arms")]
        let tail = 0.025 / comparisons.max(1) as f64;
        let difference = other.share - control.share;
        let margin = quantile(tail) * (control.variance + other.variance).sqrt();
        let (low, high) = (difference - margin, difference + margin);
        let is_significant = difference != 0.0 && (0.0 < low || high < 0.0);
        Self::Known(Difference { difference, low, high, is_significant })
    }

    /// A sentence on what is compared.
    pub(super) fn sentence(&self, what: &str) -> String {
        let Self::Known(found) = self else {
            return format!("too little was counted to compare {what}");
        };
        let Difference { difference, low, high, is_significant } = found;
        let (low, high) = (100.0 * low, 100.0 * high);
        if !is_significant {
            return format!(
                "no difference of {what} can be told from chance ({low:+.1} to {high:+.1} points)"
            );
        }
        let direction = if *difference < 0.0 { "lower" } else { "higher" };
        let points = 100.0 * difference.abs();
        format!("{what} is {direction} by {points:.1} points ({low:+.1} to {high:+.1})")
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence("the share"))
    }
}

/// A share with its variance.
struct Estimate {
    share: f64,
    variance: f64,
}

impl Estimate {
    /// None when there is too little.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    fn new(parts: &[Share]) -> Option<Self> {
        let some: u64 = parts.iter().map(|part| part.some).sum();
        let all: u64 = parts.iter().map(|part| part.all).sum();
        if parts.len() < FEWEST_PARTS || all < FEWEST {
            return None;
        }
        let without = |part: &Share| (some - part.some) as f64 / (all - part.all) as f64;
        let count = parts.len() as f64;
        let mean = parts.iter().map(without).sum::<f64>() / count;
        let squares = parts.iter().map(|part| (without(part) - mean).powi(2)).sum::<f64>();
        Some(Self { share: some as f64 / all as f64, variance: squares * (count - 1.0) / count })
    }
}

/// How many standard deviations leave so small a tail of the normal distribution
/// (Abramowitz and Stegun 26.2.23, within 0.0005).
fn quantile(tail: f64) -> f64 {
    let t = (-2.0 * tail.ln()).sqrt();
    let above = 0.010_328_f64.mul_add(t, 0.802_853).mul_add(t, 2.515_517);
    let below = 0.001_308_f64.mul_add(t, 0.189_269).mul_add(t, 1.432_788).mul_add(t, 1.0);
    t - above / below
}

#[cfg(test)]
mod tests;
