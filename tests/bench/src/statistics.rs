//! What a handful of ratios says.

/// The distribution of a ratio over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// The ends of the 95 % interval of the median.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) rounds: usize,
}

const RESAMPLES: usize = 10_000;
/// Always the same resamples: one set of ratios has one interval.
const SEED: u64 = 0x7265_6473_7461_7274;

impl Summary {
    /// Summarises ratios, one for each round; not a number where there is none.
    pub(crate) fn of(ratios: &[f64]) -> Self {
        let mut sorted = ratios.to_vec();
        sorted.sort_by(f64::total_cmp);
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        let (low, high) = interval(&sorted);
        Self {
            median: median(&sorted),
            low,
            high,
            min: end(sorted.first()),
            max: end(sorted.last()),
            rounds: sorted.len(),
        }
    }
}

/// The percentile bootstrap: the middle 95 % of the medians of resampled rounds.
fn interval(ratios: &[f64]) -> (f64, f64) {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut medians: Vec<_> = (0..RESAMPLES)
        .map(|_| {
            let mut sample: Vec<_> = ratios.iter().filter_map(|_| random.choice(ratios)).copied().collect();
            sample.sort_by(f64::total_cmp);
            median(&sample)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let tail = RESAMPLES / 40;
    (medians[tail], medians[RESAMPLES - 1 - tail])
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

#[cfg(test)]
mod tests;
