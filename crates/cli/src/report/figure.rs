//! Figures of a report, and how they compare with those of the last one.

use serde::{Deserialize, Serialize};

use crate::load::{Measure, Trend};

/// Something that was measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Figure {
    /// What it belongs to: connectivity, latency, throughput, memory, hit rates.
    pub group: String,
    /// What it is; the same in every report.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// What it counts.
    pub unit: Measure,
    /// Which way is better.
    pub better: Direction,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth way")]
pub enum Direction {
    /// When there is more of it.
    More,
    /// When there is less of it.
    Less,
    /// Neither: it follows what is asked.
    Neither,
}

/// How a figure changed since the last report.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Trended {
    /// What it is.
    pub name: String,
    /// In the last report.
    pub before: f64,
    /// In this one.
    pub now: f64,
    /// What it counts.
    pub unit: Measure,
    /// What to think of it; none where neither way is better.
    pub trend: Option<Trend>,
}

impl Figure {
    pub(super) fn new(
        group: &str,
        name: impl Into<String>,
        value: f64,
        unit: Measure,
        better: Direction,
    ) -> Self {
        Self { group: group.to_owned(), name: name.into(), value, unit, better }
    }

    /// How it changed since `last`; none where that has not measured it.
    pub(super) fn since(&self, last: &[Self]) -> Option<Trended> {
        let before = last.iter().find(|figure| figure.name == self.name)?.value;
        let trend = match self.better {
            Direction::More => Some(self.unit.trend(before, self.value, true)),
            Direction::Less => Some(self.unit.trend(before, self.value, false)),
            Direction::Neither => None,
        };
        Some(Trended { name: self.name.clone(), before, now: self.value, unit: self.unit, trend })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, better: Direction) -> Figure {
        Figure::new("latency", "p99", value, Measure::Milliseconds, better)
    }

    #[test]
    fn a_figure_is_compared_with_that_of_its_name() {
        let last = [figure(10.0, Direction::Less)];
        let trend = |value, better| figure(value, better).since(&last).unwrap().trend;
        assert_eq!(trend(20.0, Direction::Less), Some(Trend::Worse));
        assert_eq!(trend(20.0, Direction::More), Some(Trend::Better));
        assert_eq!(trend(10.4, Direction::Less), Some(Trend::Same));
        assert_eq!(trend(20.0, Direction::Neither), None);
        assert_eq!(figure(1.0, Direction::Less).since(&[]), None);
    }
}
