//! What the calls of a load do, and how often each of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One kind of call on a store.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Step {
    /// A `PING`.
    Ping,
    /// A read of one value from the store.
    Get,
    /// A write of one value.
    Set,
    /// A read of ten values.
    Mget,
    /// A read through both tiers of a cache, which loads what is missing.
    Cache,
    /// A counter counted up; not on the embedded store.
    Incr,
    /// A check of a rate limit.
    Limit,
    /// A lock taken and given back.
    Lock,
}

/// A request to a service.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct Request {
    /// How often it is made, compared with the others.
    #[serde(default = "one")]
    pub weight: f64,
    /// The method, such as `GET`.
    #[serde(default = "get")]
    pub method: String,
    /// The path and the query; `{id}` stands for the number of a key, from 1.
    pub path: String,
    /// The body; `{id}` stands for the number of a key, from 1, and `{value}` for a text of the value's size.
    #[serde(default)]
    pub body: String,
    /// Header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// The steps of a load and their weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Mix {
    /// Steps on a store, each with its weight.
    pub steps: Vec<(Step, f64)>,
    /// Requests to a service.
    pub requests: Vec<Request>,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Ping, Self::Get, Self::Set, Self::Mget, Self::Cache, Self::Incr, Self::Limit, Self::Lock];

    /// Its name, as in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Get => "get",
            Self::Set => "set",
            Self::Mget => "mget",
            Self::Cache => "cache",
            Self::Incr => "incr",
            Self::Limit => "limit",
            Self::Lock => "lock",
        }
    }

    /// Whether it reads values that somebody must have stored.
    pub(crate) const fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Mget)
    }
}

impl Mix {
    /// What a web service asks of its Redis: mostly reads, some writes, limits, a few locks.
    #[must_use]
    pub fn of_a_service() -> Self {
        Self {
            steps: vec![
                (Step::Cache, 45.0),
                (Step::Get, 20.0),
                (Step::Set, 10.0),
                (Step::Mget, 5.0),
                (Step::Limit, 15.0),
                (Step::Lock, 5.0),
            ],
            requests: Vec::new(),
        }
    }

    /// A `GET` of each of these paths, all as often as each other.
    pub(crate) fn of_paths(paths: &[String]) -> Vec<Request> {
        let request = |path: &String| Request {
            weight: one(),
            method: get(),
            path: path.clone(),
            body: String::new(),
            headers: BTreeMap::new(),
        };
        paths.iter().map(request).collect()
    }
}

const fn one() -> f64 {
    1.0
}

fn get() -> String {
    "GET".to_owned()
}
