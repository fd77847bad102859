//! What is wrong with a configuration, all at once.

use std::{borrow::Cow, error::Error, fmt};

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError(Vec<Problem>);

/// One thing that is wrong.
///
/// It reads as a line of its own: `redis.toml:4:8: redis.mode is "sharded"; right would be …`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    variable: Cow<'static, str>,
    place: Option<String>,
    what: Cow<'static, str>,
    right: Cow<'static, str>,
    /// Where the setting stands among all.
    rank: usize,
}

impl Problem {
    pub(crate) fn new(
        variable: impl Into<Cow<'static, str>>,
        what: impl Into<Cow<'static, str>>,
        right: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { variable: variable.into(), place: None, what: what.into(), right: right.into(), rank: 0 }
    }

    pub(crate) fn about(mut self, variable: impl Into<Cow<'static, str>>) -> Self {
        self.variable = variable.into();
        self
    }

    pub(crate) fn at(mut self, place: impl Into<Option<String>>) -> Self {
        self.place = place.into();
        self
    }

    pub(crate) const fn ranked(mut self, rank: usize) -> Self {
        self.rank = rank;
        self
    }

    pub(crate) const fn rank(&self) -> usize {
        self.rank
    }

    /// What is wrong with a second server, but for what it shares with the first.
    pub(crate) fn of_second(second: Vec<Self>, first: &[Self]) -> Vec<Self> {
        let own = second.into_iter().filter(|problem| !first.contains(problem));
        own.map(|Self { variable, what, right, .. }| {
            let what = format!("names a server where {variable} {what}");
            Self::new("REDIS_COORDINATION_URL", what, right)
        })
        .collect()
    }

    /// The variable, the field of a file, or the setting.
    #[must_use]
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// Where it stands in a file, such as `redis.toml:4:9`; none outside of files.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// What is wrong with it; never a secret.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What would be right.
    #[must_use]
    pub fn right(&self) -> &str {
        &self.right
    }
}

impl ConfigError {
    pub(crate) const fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    pub(crate) fn one(
        variable: &'static str,
        what: impl Into<Cow<'static, str>>,
        right: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(vec![Problem::new(variable, what, right)])
    }

    /// The problems, in the order of the variables.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{} {}; right would be {}", self.variable, self.what, self.right)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [problem] => write!(f, "{problem}"),
            problems => {
                write!(f, "the configuration has {} problems:", problems.len())?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

impl Error for ConfigError {}

/// A value for people: none that may be, or hold, a login that was put into the wrong place.
pub(super) fn shown(value: &str) -> String {
    if value.contains(['@', '/']) || value.len() > 32 { "***".to_owned() } else { format!("{value:?}") }
}
