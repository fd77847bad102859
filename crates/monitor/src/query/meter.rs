//! The answer to a question, from page to page.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Query, Selector};
use crate::scrape::Sample;

/// Rates per minute are not told from less than this, or two events at the start would be a flood.
const LEAST_SPAN: Duration = Duration::from_secs(60);

/// Answers a question from the pages of the last while.
#[derive(Debug)]
pub(crate) struct Meter {
    query: Query,
    window: Duration,
    last: Option<Instant>,
    steps: VecDeque<Step>,
}

/// What one page said.
#[derive(Debug)]
struct Step {
    from: Option<Instant>,
    at: Instant,
    told: Told,
}

#[derive(Debug)]
enum Told {
    /// What a gauge shows.
    Level(Option<f64>),
    /// What was counted, and what it is a part of.
    Growth { of: f64, all: f64 },
    /// What was observed, by the upper bounds of the buckets.
    Observed(Vec<(f64, f64)>),
}

impl Meter {
    pub(crate) const fn new(query: Query, window: Duration) -> Self {
        Self { query, window, last: None, steps: VecDeque::new() }
    }

    pub(crate) const fn query(&self) -> &Query {
        &self.query
    }

    /// Takes the next page, or those of several processes together.
    pub(crate) fn add(&mut self, at: Instant, samples: &[Sample]) {
        let from = self.last.replace(at);
        self.steps.push_back(Step { from, at, told: self.query.told_by(samples) });
        // What a gauge showed counts for its moment, what grew for the time since the page before.
        let begins = at.checked_sub(self.window);
        while let (Some(begins), true, Some(first)) = (begins, self.steps.len() > 1, self.steps.front()) {
            if first.at > begins {
                break;
            }
            self.steps.pop_front();
        }
    }

    /// The answer now; none when nobody told it.
    pub(crate) fn value(&self) -> Option<f64> {
        let last = self.steps.back()?;
        match &self.query {
            Query::Largest(_) | Query::Least(_) | Query::Quotient(..) => match last.told {
                Told::Level(level) => level,
                Told::Growth { .. } | Told::Observed(_) => None,
            },
            Query::Share { least, .. } => {
                let (of, all) = self.growth()?;
                (all > 0.0 && all >= f64::from(*least)).then(|| of / all)
            }
            Query::Increase(_) => self.growth().map(|(of, _)| of),
            Query::PerMinute(_) => {
                let begun = self.steps.iter().find_map(|step| step.from)?;
                let span = last.at.duration_since(begun).max(LEAST_SPAN);
                self.growth().map(|(of, _)| of * 60.0 / span.as_secs_f64())
            }
            Query::Quantile(share, _) => quantile(*share, &self.observed()),
            Query::SecondsAtZero(_) => {
                let zero = |step: &&Step| matches!(step.told, Told::Level(Some(level)) if level <= 0.0);
                let length = |step: &Step| step.from.map(|from| step.at.duration_since(from));
                Some(self.steps.iter().filter(zero).filter_map(length).sum::<Duration>().as_secs_f64())
            }
        }
    }

    /// What was counted in the window; none before there are two pages to compare.
    fn growth(&self) -> Option<(f64, f64)> {
        self.steps.iter().any(|step| step.from.is_some()).then(|| {
            self.steps.iter().fold((0.0, 0.0), |(counted, whole), step| match step.told {
                Told::Growth { of, all } => (counted + of, whole + all),
                Told::Level(_) | Told::Observed(_) => (counted, whole),
            })
        })
    }

    fn observed(&self) -> Vec<(f64, f64)> {
        let mut sums: Vec<(f64, f64)> = Vec::new();
        for step in &self.steps {
            let Told::Observed(buckets) = &step.told else { continue };
            for (bound, count) in buckets {
                add(&mut sums, *bound, *count);
            }
        }
        sums
    }
}

impl Query {
    fn told_by(&self, samples: &[Sample]) -> Told {
        let levels = |selector: &Selector| {
            let levels = samples.iter().filter(|sample| selector.admits(sample, ""));
            levels.map(|sample| sample.value).filter(|value| !value.is_nan()).collect::<Vec<_>>()
        };
        let grown = |selector: &Selector| {
            let growths = samples.iter().filter(|sample| selector.admits(sample, ""));
            growths.filter_map(|sample| sample.growth).sum::<f64>()
        };
        match self {
            Self::Largest(of) => Told::Level(levels(of).into_iter().reduce(f64::max)),
            Self::Least(of) | Self::SecondsAtZero(of) => Told::Level(levels(of).into_iter().reduce(f64::min)),
            Self::Quotient(of, all) => {
                let largest = |selector| levels(selector).into_iter().reduce(f64::max);
                let whole = largest(all).filter(|whole| *whole > 0.0);
                Told::Level(largest(of).zip(whole).map(|(of, whole)| of / whole))
            }
            Self::Share { of, all, .. } => Told::Growth { of: grown(of), all: grown(all) },
            Self::PerMinute(of) | Self::Increase(of) => Told::Growth { of: grown(of), all: 0.0 },
            Self::Quantile(_, of) => {
                let mut buckets = Vec::new();
                for sample in samples.iter().filter(|sample| of.admits(sample, "_bucket")) {
                    let bound = sample.label("le").and_then(|bound| bound.parse().ok());
                    if let (Some(bound), Some(growth)) = (bound, sample.growth) {
                        add(&mut buckets, bound, growth);
                    }
                }
                Told::Observed(buckets)
            }
        }
    }
}

/// Adds to the bucket of this bound; the buckets stay in order.
fn add(buckets: &mut Vec<(f64, f64)>, bound: f64, count: f64) {
    match buckets.binary_search_by(|(known, _)| known.total_cmp(&bound)) {
        Ok(place) => buckets[place].1 += count,
        Err(place) => buckets.insert(place, (bound, count)),
    }
}

/// As `histogram_quantile` of Prometheus: even within a bucket, and the last bound for what lies beyond it.
fn quantile(share: f64, buckets: &[(f64, f64)]) -> Option<f64> {
    let (_, all) = *buckets.last().filter(|(bound, count)| bound.is_infinite() && *count > 0.0)?;
    let rank = share * all;
    let place = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (bound, count) = buckets[place];
    let (lower, below) = place.checked_sub(1).map_or((0.0, 0.0), |before| buckets[before]);
    if bound.is_infinite() {
        return Some(lower);
    }
    if count <= below {
        return Some(bound);
    }
    Some(lower + (bound - lower) * (rank - below) / (count - below))
}
