//! What a load must hold to pass.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// A bound on one figure of a load, such as `p99<25ms`.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    figure: Figure,
    is_floor: bool,
    /// In milliseconds, as a share of one, or as a count.
    bound: f64,
    text: String,
}

/// How a threshold was met.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Judgement {
    /// The threshold.
    pub threshold: String,
    /// What was measured; none when nothing was.
    pub measured: Option<String>,
    /// Whether it holds; what was not measured does not.
    pub holds: bool,
}

/// What a threshold bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    /// This place among the response times.
    Response(Place),
    /// Calls that failed, as a share.
    Errors,
    /// Reads that found something, as a share.
    HitRate,
    /// Calls that limits refused, as a share.
    Limited,
    /// Starts that were made, as a share of those that were planned.
    Rate,
    /// Starts that were not made.
    Dropped,
    /// What the server's memory grew by, in bytes.
    Growth,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Mean,
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
}

const FIGURES: [(&str, Figure); 13] = [
    ("mean", Figure::Response(Place::Mean)),
    ("p50", Figure::Response(Place::P50)),
    ("p90", Figure::Response(Place::P90)),
    ("p95", Figure::Response(Place::P95)),
    ("p99", Figure::Response(Place::P99)),
    ("p99.9", Figure::Response(Place::P999)),
    ("max", Figure::Response(Place::Max)),
    ("errors", Figure::Errors),
    ("hit_rate", Figure::HitRate),
    ("limited", Figure::Limited),
    ("rate", Figure::Rate),
    ("dropped", Figure::Dropped),
    ("growth", Figure::Growth),
];

impl Threshold {
    /// Judges a load by it.
    #[must_use]
    pub fn judge(&self, outcome: &Outcome) -> Judgement {
        let measured = self.figure.measured(outcome);
        let holds = |measured: f64| if self.is_floor { measured > self.bound } else { measured < self.bound };
        Judgement {
            threshold: self.text.clone(),
            measured: measured.map(|measured| self.figure.show(measured)),
            holds: measured.is_some_and(holds),
        }
    }
}

impl Figure {
    fn measured(self, outcome: &Outcome) -> Option<f64> {
        let response = &outcome.response;
        let share = |of: u64| {
            let ended = response.count;
            (ended > 0).then(|| of as f64 / ended as f64)
        };
        match self {
            Self::Response(_) if response.count == 0 => None,
            Self::Response(Place::Mean) => Some(response.mean_ms),
            Self::Response(Place::P50) => Some(response.p50_ms),
            Self::Response(Place::P90) => Some(response.p90_ms),
            Self::Response(Place::P95) => Some(response.p95_ms),
            Self::Response(Place::P99) => Some(response.p99_ms),
            Self::Response(Place::P999) => Some(response.p999_ms),
            Self::Response(Place::Max) => Some(response.max_ms),
            Self::Errors => share(outcome.failed()),
            Self::HitRate => outcome.hit_rate,
            Self::Limited => share(outcome.limited),
            Self::Rate => outcome.starts.held(),
            Self::Dropped => Some(outcome.starts.dropped as f64),
            Self::Growth => outcome.memory.server.as_ref().map(|server| server.growth()),
        }
    }

    fn show(self, measured: f64) -> String {
        match self {
            Self::Response(_) => format!("{measured:.2} ms"),
            Self::Errors | Self::HitRate | Self::Limited | Self::Rate => format!("{:.2} %", measured * 100.0),
            Self::Dropped => format!("{measured:.0}"),
            Self::Growth => format!("{:.1} MiB", measured / MEBIBYTE),
        }
    }

    /// Reads a bound in the figure's own unit.
    fn bound(self, text: &str) -> Option<f64> {
        let with = |unit: &str, scale: f64| {
            text.strip_suffix(unit)
                .and_then(|number| number.trim().parse::<f64>().ok())
                .map(|number| number * scale)
        };
        let bound = match self {
            Self::Response(_) => with("us", 0.001)
                .or_else(|| with("µs", 0.001))
                .or_else(|| with("ms", 1.0))
                .or_else(|| with("s", 1_000.0)),
            Self::Errors | Self::HitRate | Self::Limited | Self::Rate => with("%", 0.01),
            Self::Dropped => text.parse().ok(),
            Self::Growth => {
                with("gb", 1024.0 * MEBIBYTE).or_else(|| with("mb", MEBIBYTE)).or_else(|| with("kb", 1024.0))
            }
        };
        bound.filter(|bound| bound.is_finite() && *bound >= 0.0)
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Response(_) => "a time such as 25ms",
            Self::Errors | Self::HitRate | Self::Limited | Self::Rate => "a share such as 0.1%",
            Self::Dropped => "a number such as 1",
            Self::Growth => "a size such as 50mb",
        }
    }
}

const MEBIBYTE: f64 = 1024.0 * 1024.0;

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, is_floor, bound) = match (text.split_once('<'), text.split_once('>')) {
            (Some((name, bound)), None) => (name.trim(), false, bound.trim()),
            (None, Some((name, bound))) => (name.trim(), true, bound.trim()),
            _ => {
                return Err(format!(
                    "threshold {text:?} has no bound; right would be p99<25ms or hit_rate>80%"
                ));
            }
        };
        let Some((_, figure)) = FIGURES.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = FIGURES.iter().map(|(known, _)| *known).collect();
            return Err(format!(
                "threshold {text:?}: {name:?} is not measured; known are {}",
                known.join(", ")
            ));
        };
        let bound = figure.bound(&bound.to_lowercase()).ok_or_else(|| {
            format!("threshold {text:?}: {bound:?} is no bound; right would be {}", figure.unit())
        })?;
        Ok(Self { figure: *figure, is_floor, bound, text: text.to_owned() })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_their_units() {
        let bound = |text: &str| text.parse::<Threshold>().map(|threshold| threshold.bound);
        assert_eq!(bound("p99<25ms"), Ok(25.0));
        assert_eq!(bound("max < 2s"), Ok(2_000.0));
        assert_eq!(bound("p50<300us"), Ok(0.3));
        assert_eq!(bound("hit_rate>80%"), Ok(0.8));
        assert_eq!(bound("dropped<1"), Ok(1.0));
        assert_eq!(bound("growth<2mb"), Ok(2.0 * MEBIBYTE));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let wrong = |text: &str| text.parse::<Threshold>().unwrap_err();
        assert_eq!(wrong("p99"), r#"threshold "p99" has no bound; right would be p99<25ms or hit_rate>80%"#);
        assert!(wrong("p98<1ms").contains("known are mean, p50"));
        assert_eq!(
            wrong("p99<25"),
            r#"threshold "p99<25": "25" is no bound; right would be a time such as 25ms"#
        );
        assert!(wrong("errors<1ms").ends_with("a share such as 0.1%"));
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        let judged = "hit_rate>80%".parse::<Threshold>().unwrap().judge(&Outcome::default());
        assert_eq!((judged.measured, judged.holds), (None, false));
    }
}
