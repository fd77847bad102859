//! What limits, locks and caches did, and what can be proven of it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How many values there are.
pub(super) const VALUES: usize = 16;

/// The source of the values, and what was acknowledged of their changes.
#[derive(Debug, Default)]
pub(super) struct Source {
    versions: [AtomicU64; VALUES],
    replaced: Mutex<Vec<Replaced>>,
    /// Reads that showed a value that was replaced before: how long before.
    stale: Mutex<Vec<Stale>>,
}

#[derive(Clone, Copy, Debug)]
struct Replaced {
    id: u64,
    version: u64,
    at: Duration,
}

/// A read of something that was replaced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stale {
    /// When the replacement was acknowledged.
    pub(super) replaced: Duration,
}

impl Source {
    pub(super) fn version(&self, id: u64) -> u64 {
        self.of(id).load(Ordering::SeqCst)
    }

    /// Replaces a value; answers with the new version.
    pub(super) fn replace(&self, id: u64) -> u64 {
        self.of(id).fetch_add(1, Ordering::SeqCst) + 1
    }

    /// All caches were told that this version is there.
    pub(super) fn acknowledge(&self, id: u64, version: u64, at: Duration) {
        lock(&self.replaced).push(Replaced { id, version, at });
    }

    /// A read that began then has shown this version.
    pub(super) fn seen(&self, id: u64, version: u64, began: Duration, grace: Duration) {
        let replaced = lock(&self.replaced);
        let is_older = |it: &&Replaced| it.id == id && it.version > version && it.at + grace < began;
        if let Some(Replaced { at, .. }) = replaced.iter().find(is_older) {
            lock(&self.stale).push(Stale { replaced: *at });
        }
    }

    /// Stale reads, save those of replacements between two times.
    pub(super) fn stale_outside(&self, from: Duration, to: Duration) -> usize {
        lock(&self.stale).iter().filter(|stale| !(from..to).contains(&stale.replaced)).count()
    }

    pub(super) fn stale(&self) -> usize {
        lock(&self.stale).len()
    }

    fn of(&self, id: u64) -> &AtomicU64 {
        &self.versions[usize::try_from(id).unwrap_or(0) % VALUES]
    }
}

/// What a limit has let through, and what its outage rule has decided.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Let through by whomever.
    pub(super) all: Admitted,
    /// Let through by the server.
    pub(super) by_server: Admitted,
    /// Refused by the outage rule, although nobody had counted.
    pub(super) refused_unasked: AtomicU64,
    /// Allowed by the outage rule, although nobody had counted.
    pub(super) allowed_unasked: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// Calls that were let through: when each began and ended.
#[derive(Debug, Default)]
pub(super) struct Admitted(Mutex<Vec<(Duration, Duration)>>);

impl Admitted {
    pub(super) fn note(&self, began: Duration, ended: Duration) {
        lock(&self.0).push((began, ended));
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.0).len()
    }

    /// How many were let through between two times.
    pub(super) fn between(&self, from: Duration, to: Duration) -> usize {
        lock(&self.0).iter().filter(|(began, ended)| from <= *began && *ended < to).count()
    }

    /// The most that were certainly let through within one period: asked for and answered within it.
    pub(super) fn most_within(&self, period: Duration) -> usize {
        let mut calls = lock(&self.0).clone();
        calls.sort_unstable();
        let mut most = 0;
        for (nth, (from, _)) in calls.iter().enumerate() {
            let rest = calls[nth..].iter().take_while(|(began, _)| *began < *from + period);
            most = most.max(rest.filter(|(_, ended)| *ended < *from + period).count());
        }
        most
    }
}

/// What the holders of one lock saw.
#[derive(Debug, Default)]
pub(super) struct Holders {
    granted: Mutex<Vec<Granted>>,
    /// Fence, and a time at or after which its lease was valid.
    valid: Mutex<Vec<(u64, Duration)>>,
}

#[derive(Clone, Copy, Debug)]
struct Granted {
    fence: u64,
    began: Duration,
    ended: Duration,
}

impl Holders {
    pub(super) fn granted(&self, fence: u64, began: Duration, ended: Duration) {
        lock(&self.granted).push(Granted { fence, began, ended });
    }

    /// The lease was asked whether it is valid at `at`, and said yes.
    pub(super) fn valid(&self, fence: u64, at: Duration) {
        lock(&self.valid).push((fence, at));
    }

    pub(super) fn grants(&self) -> usize {
        lock(&self.granted).len()
    }

    /// How often a lease was valid after a later one had been granted.
    pub(super) fn overlaps(&self) -> usize {
        // For each fence, when a larger one was first known to be granted.
        let mut grants: BTreeMap<u64, Duration> = BTreeMap::new();
        for granted in lock(&self.granted).iter() {
            grants.insert(granted.fence, granted.ended);
        }
        let mut superseded = BTreeMap::new();
        let mut next = Duration::MAX;
        for (fence, ended) in grants.iter().rev() {
            superseded.insert(*fence, next);
            next = next.min(*ended);
        }
        let is_late = |(fence, at): &&(u64, Duration)| superseded.get(fence).is_some_and(|end| end < at);
        lock(&self.valid).iter().filter(is_late).count()
    }

    /// How often a grant had no greater fence than one that was answered before it was asked for.
    pub(super) fn falling_fences(&self) -> usize {
        let grants = lock(&self.granted);
        let mut by_begin: Vec<_> = grants.iter().collect();
        let mut by_end = by_begin.clone();
        by_begin.sort_by_key(|granted| granted.began);
        by_end.sort_by_key(|granted| granted.ended);
        let (mut ended, mut largest, mut falls) = (by_end.into_iter().peekable(), 0, 0);
        for granted in by_begin {
            while let Some(before) = ended.next_if(|before| before.ended < granted.began) {
                largest = largest.max(before.fence);
            }
            falls += usize::from(granted.fence <= largest);
        }
        falls
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn two_holders_and_falling_fences_are_found() {
        let holders = Holders::default();
        holders.granted(1, ms(0), ms(10));
        holders.valid(1, ms(20));
        holders.granted(2, ms(25), ms(30));
        assert_eq!((holders.overlaps(), holders.falling_fences()), (0, 0));
        holders.valid(1, ms(31));
        assert_eq!(holders.overlaps(), 1);
        holders.granted(2, ms(40), ms(50));
        assert_eq!(holders.falling_fences(), 1, "the same fence twice orders nothing");
    }

    #[test]
    fn more_than_a_limit_is_counted_only_where_it_is_certain() {
        let gate = Admitted::default();
        for at in [0, 100, 200, 1_050] {
            gate.note(ms(at), ms(at + 5));
        }
        assert_eq!(gate.most_within(ms(1_000)), 3);
        gate.note(ms(990), ms(1_010));
        assert_eq!(
            gate.most_within(ms(1_000)),
            4,
            "from the second on; with the first it may be another period"
        );
    }

    #[test]
    fn value_is_stale_when_its_replacement_was_acknowledged_before() {
        let source = Source::default();
        let version = source.replace(3);
        source.acknowledge(3, version, ms(100));
        source.seen(3, version - 1, ms(90), Duration::ZERO);
        source.seen(3, version, ms(200), Duration::ZERO);
        source.seen(4, version - 1, ms(200), Duration::ZERO);
        source.seen(3, version - 1, ms(150), ms(100));
        assert_eq!(source.stale(), 0);
        source.seen(3, version - 1, ms(101), Duration::ZERO);
        assert_eq!((source.stale(), source.stale_outside(ms(99), ms(101))), (1, 0));
    }
}
