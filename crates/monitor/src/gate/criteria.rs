//! What must hold, from a TOML file.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Deserialize;

use super::Attested;
use crate::{Query, Selector, Unit};

/// The criteria of the specification.
const DEFAULT: &str = include_str!("criteria.toml");
/// How far back rates look when the file does not say.
const WINDOW: Duration = Duration::from_secs(300);

/// What must hold before a release goes on.
///
/// ```
/// use redstart_monitor::Criteria;
///
/// let criteria = Criteria::parse(
///     r#"
///     hold = "6h"
///     stages = { last = "2h" }
///
///     [[criterion]]
///     name = "pool"
///     question = "How much of the connection's capacity is in use?"
///     ask = { largest = "redis_pool_utilization" }
///     at_most = 0.8
///     unit = "ratio"
///     "#,
/// )?;
/// assert_eq!(criteria.clone().at_stage("last")?.iter().count(), 1);
/// assert!(criteria.at_stage("lst").is_err());
/// # Ok::<(), redstart_monitor::InvalidCriteria>(())
/// ```
#[derive(Clone, Debug)]
pub struct Criteria {
    criteria: Vec<Criterion>,
    attested: Vec<Attested>,
    stages: BTreeMap<String, Duration>,
}

/// One of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Criterion {
    /// Identifies it.
    pub name: String,
    /// What is asked, for people.
    pub question: String,
    /// The same, for metrics.
    pub query: Query,
    /// The bound.
    pub bound: f64,
    /// Whether the answer must be below the bound, and not at it.
    pub is_strict: bool,
    /// Whether the answer must be above the bound rather than below.
    pub is_floor: bool,
    /// What the answer counts.
    pub unit: Unit,
    /// For how long it must have held.
    pub hold: Duration,
    /// How far back the question looks.
    pub window: Duration,
}

/// A file of criteria is not right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidCriteria(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hold: String,
    window: Option<String>,
    #[serde(default)]
    stages: BTreeMap<String, String>,
    #[serde(default)]
    exclude: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    criterion: Vec<Entry>,
    #[serde(default)]
    attested: Vec<Attested>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    question: String,
    ask: Ask,
    at_most: Option<f64>,
    below: Option<f64>,
    at_least: Option<f64>,
    #[serde(default = "ratio")]
    unit: Unit,
    hold: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Ask {
    Largest(String),
    Least(String),
    Increase(String),
    PerMinute(String),
    SecondsAtZero(String),
    Share { of: String, all: String },
    Quotient { of: String, all: String },
    Quantile { share: f64, of: String },
}

impl Criteria {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Fails when it is no such file, and says where and why.
    pub fn parse(text: &str) -> Result<Self, InvalidCriteria> {
        let File { hold, window, stages, exclude, criterion, attested } =
            toml::from_str(text).map_err(|error| InvalidCriteria(error.to_string().trim_end().to_owned()))?;
        let hold = duration("hold", &hold)?;
        let window = window.map_or(Ok(WINDOW), |window| duration("window", &window))?;
        let stages = stages.into_iter().map(|(name, text)| Ok((name.clone(), duration(&name, &text)?)));
        let stages = stages.collect::<Result<_, InvalidCriteria>>()?;
        let criteria = criterion.into_iter().map(|entry| entry.read(hold, window, &exclude));
        Ok(Self { criteria: criteria.collect::<Result<_, _>>()?, attested, stages })
    }

    /// The criteria, each with the hold time of this stage.
    ///
    /// # Errors
    ///
    /// Fails when the file names no such stage.
    pub fn at_stage(mut self, stage: &str) -> Result<Self, InvalidCriteria> {
        let Some(hold) = self.stages.get(stage) else {
            let known: Vec<_> = self.stages.keys().map(String::as_str).collect();
            return Err(InvalidCriteria(format!("there is no stage {stage:?}, only: {}", known.join(", "))));
        };
        self.criteria.iter_mut().for_each(|criterion| criterion.hold = *hold);
        Ok(self)
    }

    /// Those that are measured.
    pub fn iter(&self) -> std::slice::Iter<'_, Criterion> {
        self.criteria.iter()
    }

    /// Those that somebody vouches for.
    #[must_use]
    pub fn attested(&self) -> &[Attested] {
        &self.attested
    }
}

impl Default for Criteria {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a test reads the file, which is part of the program")]
        Self::parse(DEFAULT).expect("the criteria of the specification are in order")
    }
}

impl<'a> IntoIterator for &'a Criteria {
    type Item = &'a Criterion;
    type IntoIter = std::slice::Iter<'a, Criterion>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Criterion {
    /// Whether `value` is within the bound.
    pub(super) fn admits(&self, value: f64) -> bool {
        match (self.is_floor, self.is_strict) {
            (true, _) => value >= self.bound,
            (false, true) => value < self.bound,
            (false, false) => value <= self.bound,
        }
    }

    /// The worse of two answers.
    pub(super) fn worse(&self, one: f64, other: f64) -> f64 {
        if self.is_floor { one.min(other) } else { one.max(other) }
    }

    /// The bound in words.
    pub(super) fn shown(&self) -> String {
        let words = match (self.is_floor, self.is_strict) {
            (true, _) => "at least",
            (false, true) => "below",
            (false, false) => "at most",
        };
        format!("{words} {}", self.unit.show(self.bound))
    }
}

impl Entry {
    fn read(
        self,
        hold: Duration,
        window: Duration,
        exclude: &BTreeMap<String, Vec<String>>,
    ) -> Result<Criterion, InvalidCriteria> {
        let Self { name, question, ask, at_most, below, at_least, unit, hold: own, .. } = self;
        let wrong = |what: &str| InvalidCriteria(format!("criterion {name:?}: {what}"));
        let (bound, is_strict, is_floor) = match (at_most, below, at_least) {
            (Some(bound), None, None) => (bound, false, false),
            (None, Some(bound), None) => (bound, true, false),
            (None, None, Some(bound)) => (bound, false, true),
            _ => return Err(wrong("it needs one bound: at_most, below or at_least")),
        };
        let select = |text: &str| {
            let selector: Selector = text.parse().map_err(|why: String| wrong(&why))?;
            Ok(exclude.iter().fold(selector, |selector, (label, values)| {
                let values: Vec<_> = values.iter().map(String::as_str).collect();
                selector.without(label, &values)
            }))
        };
        let query = match ask {
            Ask::Largest(of) => Query::Largest(select(&of)?),
            Ask::Least(of) => Query::Least(select(&of)?),
            Ask::Increase(of) => Query::Increase(select(&of)?),
            Ask::PerMinute(of) => Query::PerMinute(select(&of)?),
            Ask::SecondsAtZero(of) => Query::SecondsAtZero(select(&of)?),
            Ask::Share { of, all } => Query::Share { of: select(&of)?, all: select(&all)?, least: 0 },
            Ask::Quotient { of, all } => Query::Quotient(select(&of)?, select(&all)?),
            Ask::Quantile { share, of } if (0.0..=1.0).contains(&share) => {
                Query::Quantile(share, select(&of)?)
            }
            Ask::Quantile { .. } => return Err(wrong("the share of a quantile lies between 0 and 1")),
        };
        let hold = own.map_or(Ok(hold), |own| duration(&name, &own))?;
        Ok(Criterion { question, query, bound, is_strict, is_floor, unit, hold, window, name })
    }
}

const fn ratio() -> Unit {
    Unit::Ratio
}

fn duration(name: &str, text: &str) -> Result<Duration, InvalidCriteria> {
    humantime::parse_duration(text)
        .map_err(|_| InvalidCriteria(format!("{name}: {text:?} is no duration; right would be 6h, or 90s")))
}

impl fmt::Display for InvalidCriteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidCriteria {}
