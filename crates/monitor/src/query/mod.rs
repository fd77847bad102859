//! Questions to the metrics, answered here from pages of samples or by Prometheus from the same as PromQL.

mod meter;
mod promql;
mod selector;

pub use self::selector::Selector;
pub(crate) use self::{meter::Meter, promql::Promql};

/// A question to the metrics whose answer is one number.
///
/// It is answered from the pages of one process or of several, and can be written as PromQL; both mean
/// the same.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Query {
    /// The largest of these gauges.
    Largest(Selector),
    /// The smallest of these gauges.
    Least(Selector),
    /// One gauge as a share of another; none while that is zero.
    Quotient(Selector, Selector),
    /// What these counters grew by, as a share of those.
    Share {
        /// What is counted.
        of: Selector,
        /// What it is a part of.
        all: Selector,
        /// There is no answer below so many of all.
        least: u32,
    },
    /// How often a minute these counters count.
    PerMinute(Selector),
    /// What these counters grew by.
    Increase(Selector),
    /// The value that this share of a histogram's observations does not exceed, as exact as its buckets.
    Quantile(f64, Selector),
    /// For how many seconds the least of these gauges was zero.
    SecondsAtZero(Selector),
}

impl Query {
    /// The names of the samples that it needs.
    pub(crate) fn names(&self) -> Vec<String> {
        let (selectors, suffix): (Vec<&Selector>, _) = match self {
            Self::Largest(of)
            | Self::Least(of)
            | Self::PerMinute(of)
            | Self::Increase(of)
            | Self::SecondsAtZero(of) => (vec![of], ""),
            Self::Quotient(of, all) | Self::Share { of, all, .. } => (vec![of, all], ""),
            Self::Quantile(_, of) => (vec![of], "_bucket"),
        };
        selectors.into_iter().flat_map(Selector::names).map(|name| format!("{name}{suffix}")).collect()
    }
}

#[cfg(test)]
mod tests;
