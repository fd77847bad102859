//! What a server should be like, as the configuration says.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::capabilities::Capabilities;
use crate::Config;

/// What a server should be like; another one is warned of.
///
/// It is looked at in every greeting, since a server may be configured anew at any time, and told once for
/// each server and each difference.
pub(crate) struct Expectation {
    memory_policy: Option<String>,
    max_memory: Option<u64>,
    /// What was told last of each server.
    told: Mutex<HashMap<String, Vec<Difference>>>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Difference {
    variable: &'static str,
    expected: String,
    found: String,
}

impl Expectation {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            memory_policy: config.memory_policy.clone(),
            max_memory: config.max_memory,
            told: Mutex::default(),
        }
    }

    /// Warns of what differs, unless that was told; what a server does not say differs from nothing.
    pub(crate) fn compare(&self, server: &str, found: &Capabilities) {
        for Difference { variable, expected, found } in self.news(server, found) {
            tracing::warn!(server, variable, expected, found, "the server's memory is not as it should be");
        }
    }

    fn news(&self, server: &str, found: &Capabilities) -> Vec<Difference> {
        let present = self.differences(found);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.insert(server.to_owned(), present.clone()).unwrap_or_default();
        present.into_iter().filter(|difference| !before.contains(difference)).collect()
    }

    fn differences(&self, found: &Capabilities) -> Vec<Difference> {
        let policy =
            difference("REDIS_MEMORY_POLICY", self.memory_policy.as_ref(), found.memory_policy.as_ref());
        let bytes = difference("REDIS_MAX_MEMORY", self.max_memory.as_ref(), found.max_memory.as_ref());
        policy.into_iter().chain(bytes).collect()
    }
}

fn difference<T: PartialEq + ToString>(
    variable: &'static str,
    expected: Option<&T>,
    found: Option<&T>,
) -> Option<Difference> {
    let (expected, found) = expected.zip(found).filter(|(expected, found)| expected != found)?;
    Some(Difference { variable, expected: expected.to_string(), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(policy: &str, bytes: u64) -> Capabilities {
        Capabilities { memory_policy: Some(policy.to_owned()), max_memory: Some(bytes), ..Default::default() }
    }

    #[test]
    fn each_difference_is_told_once_for_each_server() {
        let config = Config::memory().with_memory_policy("noeviction").with_max_memory(100);
        let expectation = Expectation::of(&config);
        for (server, found, told) in [
            ("a", found("noeviction", 100), 0),
            ("a", found("allkeys-lru", 100), 1),
            ("a", found("allkeys-lru", 100), 0),
            ("a", found("allkeys-lru", 0), 1),
            ("b", found("allkeys-lru", 0), 2),
            ("a", found("noeviction", 100), 0),
            ("a", found("allkeys-lru", 100), 1),
            ("c", Capabilities::default(), 0),
        ] {
            assert_eq!(expectation.news(server, &found).len(), told, "{server}: {found:?}");
        }
        assert!(Expectation::of(&Config::memory()).news("a", &found("allkeys-lru", 1)).is_empty());
    }
}
