//! One load beside an earlier one.

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// One figure of two loads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Change {
    /// What it is.
    pub figure: String,
    /// In the earlier load; none when it was not measured.
    pub before: Option<f64>,
    /// In this one.
    pub now: Option<f64>,
    /// What it counts.
    pub unit: Measure,
    /// What to think of it.
    pub trend: Trend,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "whoever shows a figure must know how")]
pub enum Measure {
    /// Milliseconds.
    Milliseconds,
    /// A share of one.
    Share,
    /// Something a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Things, or so many times as much.
    Count,
}

/// What to think of a change.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Trend {
    /// It is better.
    Better,
    /// It is much the same, or can't be compared.
    Same,
    /// It is worse.
    Worse,
}

/// What differs by less is much the same: two runs of the same thing differ by as much.
const SAME: f64 = 0.1;
/// Times that differ by less are much the same, in milliseconds.
const SAME_MS: f64 = 0.2;
/// Shares that differ by less are much the same.
const SAME_SHARE: f64 = 0.005;

/// Puts this load beside an earlier one, figure by figure.
#[must_use]
pub fn compare(before: &Outcome, now: &Outcome) -> Vec<Change> {
    let time = |figure: &str, of: fn(&Outcome) -> f64| {
        let measured = |outcome: &Outcome| (outcome.response.count > 0).then(|| of(outcome));
        Change::of(figure, Measure::Milliseconds, measured(before), measured(now), false)
    };
    let share = |figure: &str, of: fn(&Outcome) -> Option<f64>, more_is_better| {
        Change::of(figure, Measure::Share, of(before), of(now), more_is_better)
    };
    let growth = |outcome: &Outcome| outcome.memory.server.map(|server| server.growth());
    vec![
        time("p50", |outcome| outcome.response.p50_ms),
        time("p95", |outcome| outcome.response.p95_ms),
        time("p99", |outcome| outcome.response.p99_ms),
        time("p99.9", |outcome| outcome.response.p999_ms),
        Change::of(
            "answers",
            Measure::PerSecond,
            Some(before.answered_per_second),
            Some(now.answered_per_second),
            true,
        ),
        share("errors", Outcome::error_rate, false),
        share("hit rate", |outcome| outcome.hit_rate, true),
        share("starts made", |outcome| outcome.starts.held(), true),
        Change::of("memory growth of the server", Measure::Bytes, growth(before), growth(now), false),
    ]
}

impl Change {
    fn of(figure: &str, unit: Measure, before: Option<f64>, now: Option<f64>, more_is_better: bool) -> Self {
        let trend =
            before.zip(now).map_or(Trend::Same, |(before, now)| unit.trend(before, now, more_is_better));
        Self { figure: figure.to_owned(), before, now, unit, trend }
    }
}

impl Measure {
    /// What to think of a figure that was this and is that.
    #[must_use]
    pub fn trend(self, before: f64, now: f64, more_is_better: bool) -> Trend {
        let least = match self {
            Self::Milliseconds => SAME_MS,
            Self::Share => SAME_SHARE,
            Self::PerSecond => 1.0,
            Self::Bytes => 1024.0 * 1024.0,
            Self::Count => 0.1,
        };
        let allowed = if self == Self::Share { least } else { least.max(before.abs() * SAME) };
        if (now - before).abs() <= allowed {
            Trend::Same
        } else if (before < now) == more_is_better {
            Trend::Better
        } else {
            Trend::Worse
        }
    }

    /// A figure for people.
    #[must_use]
    pub fn show(self, figure: f64) -> String {
        match self {
            Self::Milliseconds => format!("{figure:.2} ms"),
            Self::Share => format!("{:.2} %", figure * 100.0),
            Self::PerSecond => format!("{figure:.0}/s"),
            Self::Bytes => format!("{:.1} MiB", figure / (1024.0 * 1024.0)),
            Self::Count if figure.fract() == 0.0 => format!("{figure:.0}"),
            Self::Count => format!("{figure:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::spread::Spread;

    fn outcome(p99_ms: f64, hit_rate: f64) -> Outcome {
        let response = Spread { count: 1, p99_ms, ..Spread::default() };
        Outcome { response, hit_rate: Some(hit_rate), ..Outcome::default() }
    }

    fn trend(before: &Outcome, now: &Outcome, figure: &str) -> Trend {
        compare(before, now).into_iter().find(|change| change.figure == figure).unwrap().trend
    }

    #[test]
    fn slower_is_worse_and_more_hits_are_better() {
        let (before, now) = (outcome(10.0, 0.8), outcome(12.0, 0.9));
        assert_eq!(trend(&before, &now, "p99"), Trend::Worse);
        assert_eq!(trend(&now, &before, "p99"), Trend::Better);
        assert_eq!(trend(&before, &now, "hit rate"), Trend::Better);
    }

    #[test]
    fn what_two_runs_of_the_same_thing_differ_by_is_the_same() {
        assert_eq!(trend(&outcome(10.0, 0.8), &outcome(10.9, 0.797), "p99"), Trend::Same);
        assert_eq!(trend(&outcome(0.3, 0.8), &outcome(0.45, 0.8), "p99"), Trend::Same);
        assert_eq!(trend(&outcome(10.0, 0.8), &outcome(10.0, 0.79), "hit rate"), Trend::Worse);
    }
}
