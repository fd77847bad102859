//! Who ran into which limit, and how often.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, PoisonError},
};

use redstart_connection::Timestamp;
use redstart_keys::Key;

use crate::{Decision, Policy, Subject};

/// How many of the latest are kept at least; twice as many at most.
const GENERATION: usize = 2_048;

/// One subject that one limit refused at one endpoint.
///
/// The subject is shown as in the key; that of a sensitive policy as `***`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// Where it was asked, see [`Limiter::at`](crate::Limiter::at); empty where nobody said so.
    pub endpoint: Arc<str>,
    /// The policy that refused.
    pub policy: &'static str,
    /// The key of the subject.
    pub subject: String,
    /// How many calls were refused.
    pub refused: u64,
    /// The first of them that is remembered.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// The latest violations of this process, bounded: what happens often stays, what is old goes.
#[derive(Clone, Default)]
pub struct Violations(Arc<Mutex<Generations>>);

/// What is seen again moves from the old ones to the young; when the young are many, the old ones go.
#[derive(Default)]
struct Generations {
    young: HashMap<Place, Count>,
    old: HashMap<Place, Count>,
}

#[derive(Clone, Eq, Hash, PartialEq)]
struct Place {
    endpoint: Arc<str>,
    key: Key,
}

#[derive(Clone, Copy)]
struct Count {
    policy: &'static str,
    refused: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Violations {
    /// Notes the limits that refused.
    pub(crate) fn note(
        &self,
        endpoint: &Arc<str>,
        limits: &[(&Policy, Subject)],
        decision: &Decision,
        now: Timestamp,
    ) {
        // A refusal by the deny cache holds only the limits that it knows of.
        let refused = |policy: &str| {
            let mut states = decision.limits().iter();
            states.any(|state| state.policy == policy && (state.retry_after.is_some() || state.limit == 0))
        };
        let culprit = decision.refused_by();
        for (policy, subject) in limits {
            if refused(policy.name()) || culprit == Some(policy.name()) {
                self.note_one(endpoint, policy.name(), policy.entity().key(subject), now);
            }
        }
    }

    /// Notes the limit of one subject that refused.
    pub(crate) fn note_one(&self, endpoint: &Arc<str>, policy: &'static str, key: Key, now: Timestamp) {
        let place = Place { endpoint: Arc::clone(endpoint), key };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(place, policy, now);
    }

    /// All that are remembered, the latest first.
    #[must_use]
    pub fn all(&self) -> Vec<Violation> {
        self.matching(|_| true)
    }

    /// Those at one endpoint, the latest first.
    #[must_use]
    pub fn at(&self, endpoint: &str) -> Vec<Violation> {
        self.matching(|place| &*place.endpoint == endpoint)
    }

    /// Those of one subject of a policy, the latest first.
    #[must_use]
    pub fn of(&self, policy: &Policy, subject: impl Into<Subject>) -> Vec<Violation> {
        let key = policy.entity().key(&subject.into());
        self.matching(|place| place.key == key)
    }

    fn matching(&self, wanted: impl Fn(&Place) -> bool) -> Vec<Violation> {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = generations.young.iter().chain(&generations.old);
        let mut found: Vec<Violation> =
            all.filter(|(place, _)| wanted(place)).map(|(place, count)| count.show(place)).collect();
        found.sort_by_key(|violation| std::cmp::Reverse(violation.last));
        found
    }
}

impl Generations {
    fn note(&mut self, place: Place, policy: &'static str, now: Timestamp) {
        if GENERATION <= self.young.len() && !self.young.contains_key(&place) {
            self.old = mem::take(&mut self.young);
        }
        let fresh = Count { policy, refused: 0, first: now, last: now };
        let known = |place: &Place| self.old.remove(place).unwrap_or(fresh);
        let count = self.young.entry(place).or_insert_with_key(known);
        (count.refused, count.last) = (count.refused + 1, now);
    }
}

impl Count {
    fn show(&self, place: &Place) -> Violation {
        let Self { policy, refused, first, last } = *self;
        Violation {
            endpoint: Arc::clone(&place.endpoint),
            policy,
            subject: place.key.to_string(),
            refused,
            first,
            last,
        }
    }
}

impl fmt::Debug for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = generations.young.len() + generations.old.len();
        f.debug_struct("Violations").field("kept", &kept).finish()
    }
}

#[cfg(test)]
mod tests;
