//! What the server has to hear when it is back.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{BoxFuture, Result, Store};

/// How many entries are kept before those of one scope become one.
const CAPACITY: usize = 10_000;

type Work = Arc<dyn Fn(Store) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Work that must reach the server once it is back: an invalidation, above all.
///
/// Made by [`Operation::replay`](crate::Operation::replay). The work is done again until it succeeds, so
/// it must be idempotent. It gets a handle that speaks to the server alone, never to this process's memory.
#[derive(Clone)]
pub struct Replay {
    scope: Arc<str>,
    name: Arc<str>,
    exact: Work,
    whole: Work,
}

impl Replay {
    /// `work` about `name`, of which the last one counts.
    ///
    /// The entries of one `scope` are bounded: when there are too many, `whole` takes the place of all.
    pub fn new(
        scope: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
        work: impl Fn(Store) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
        whole: impl Fn(Store) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        Self { scope: scope.into(), name: name.into(), exact: Arc::new(work), whole: Arc::new(whole) }
    }
}

/// The entries, bounded.
#[derive(Default)]
pub(super) struct Journal(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_name: HashMap<(Arc<str>, Arc<str>), Entry>,
    last_number: u64,
}

/// Work to be done, with a number that tells it from a later entry of the same name.
#[derive(Clone)]
pub(super) struct Entry {
    number: u64,
    scope: Arc<str>,
    name: Arc<str>,
    work: Work,
}

impl Entry {
    pub(super) async fn replay(&self, store: Store) -> Result<()> {
        (self.work)(store).await
    }
}

impl Journal {
    /// Notes an entry; answers whether all of its scope had to become one.
    pub(super) fn note(&self, replay: Replay) -> bool {
        let Replay { scope, name, exact, whole } = replay;
        let mut entries = self.entries();
        entries.last_number += 1;
        let number = entries.last_number;
        let everything: Arc<str> = Arc::from("*");
        let is_whole = entries.by_name.contains_key(&(Arc::clone(&scope), Arc::clone(&everything)));
        let overflows = is_whole || CAPACITY <= entries.by_name.len();
        let (name, work) = if overflows {
            entries.by_name.retain(|(of, _), _| *of != scope);
            (everything, whole)
        } else {
            (name, exact)
        };
        let entry = Entry { number, scope: Arc::clone(&scope), name: Arc::clone(&name), work };
        entries.by_name.insert((scope, name), entry);
        overflows && !is_whole
    }

    /// All entries, the oldest first.
    pub(super) fn all(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = self.entries().by_name.values().cloned().collect();
        all.sort_unstable_by_key(|entry| entry.number);
        all
    }

    /// Strikes an entry off, unless a later one of its name has come meanwhile.
    pub(super) fn strike(&self, entry: &Entry) {
        let name = (Arc::clone(&entry.scope), Arc::clone(&entry.name));
        let mut entries = self.entries();
        if entries.by_name.get(&name).is_some_and(|present| present.number == entry.number) {
            entries.by_name.remove(&name);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries().by_name.len()
    }

    /// Whether an entry has come after this moment's last one.
    pub(super) fn last_number(&self) -> u64 {
        self.entries().last_number
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name may hold an id that was declared sensitive.
        f.debug_struct("Replay").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(scope: &str, name: &str) -> Replay {
        Replay::new(scope, name, |_| Box::pin(async { Ok(()) }), |_| Box::pin(async { Ok(()) }))
    }

    #[test]
    fn last_entry_of_a_name_counts_and_is_not_struck_off_with_an_earlier_one() {
        let journal = Journal::default();
        journal.note(entry("user", "1"));
        let first = journal.all().remove(0);
        journal.note(entry("user", "1"));
        journal.strike(&first);
        assert_eq!(journal.len(), 1);
        journal.strike(&journal.all()[0]);
        assert_eq!(journal.len(), 0);
    }

    #[test]
    fn scope_that_overflows_becomes_one_entry_and_leaves_the_others_alone() {
        let journal = Journal::default();
        journal.note(entry("note", "1"));
        for id in 1..CAPACITY {
            assert!(!journal.note(entry("user", &id.to_string())));
        }
        assert!(journal.note(entry("user", "one too many")));
        let names: Vec<_> = journal.all().iter().map(|entry| entry.name.to_string()).collect();
        assert_eq!(names, ["1", "*"]);
        assert!(!journal.note(entry("user", "2")), "it is whole already");
        assert_eq!(journal.len(), 2);
    }
}
