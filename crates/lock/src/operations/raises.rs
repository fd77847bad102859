use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redstart_connection::{Carrier, Clock};

use crate::Fence;

/// For how long a raise vouches for what is counted after it.
const LASTS: Duration = Duration::from_secs(1);
/// Until then there is time to count with it, and to have the answer.
const RECENT: Duration = Duration::from_millis(750);
/// More connections than a process fills with one kind of question.
const CARRIERS: usize = 16;

/// Over which connections the last fence was raised to the server's clock a moment ago.
///
/// A fence that is merely counted up does not rise when the server has lost the last one: it was restarted or
/// flushed, or another took its place. What was raised over the same connection a moment ago, and is smaller, vouches
/// that nothing of the kind has happened since: connections do not outlive their server, and what was flushed counts
/// from one.
#[derive(Clone, Debug)]
pub struct Raises {
    clock: Clock,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    newest: Vec<Raise>,
    /// Something was counted since over a connection of which nothing is known.
    is_wanting: bool,
}

#[derive(Debug)]
struct Raise {
    /// None on the embedded store.
    over: Option<Carrier>,
    to: Fence,
    /// Before the question was sent.
    at: Instant,
}

impl Raises {
    /// None are known yet.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), known: Arc::default() }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.instant()
    }

    /// Notes that the fence was raised over this connection, by a question sent at `at`.
    pub(super) fn note(&self, over: Option<Carrier>, to: Fence, at: Instant) {
        let Known { newest, is_wanting } = &mut *self.known();
        newest.retain(|raise| raise.over != over);
        newest.truncate(CARRIERS - 1);
        newest.insert(0, Raise { over, to, at });
        *is_wanting = false;
    }

    /// Whether it is worth while to count.
    pub(super) fn is_recent(&self) -> bool {
        let now = self.now();
        let Known { newest, is_wanting } = &*self.known();
        let is_recent = |raise: &Raise| now.saturating_duration_since(raise.at) <= RECENT;
        !is_wanting && newest.first().is_some_and(is_recent)
    }

    /// Whether a fence that was counted up over this connection is larger than all before; to be asked when the
    /// answer has come. If not, the next question has to raise it.
    pub(super) fn vouch_for(&self, counted: Fence, over: Option<Carrier>) -> bool {
        let now = self.now();
        let raised = |raise: &Raise| {
            raise.over == over && raise.to < counted && now.saturating_duration_since(raise.at) <= LASTS
        };
        let mut known = self.known();
        let is_vouched_for = known.newest.iter().any(raised);
        known.is_wanting |= !is_vouched_for;
        is_vouched_for
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change under this lock is complete before anything could panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use redstart_connection::Timestamp;

    use super::*;

    #[test]
    fn raise_vouches_for_larger_fences_over_the_same_connection_for_a_second() {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let raises = Raises::new(&clock);
        assert!(!raises.is_recent() && !raises.vouch_for(Fence::new(8), None), "nothing is known");
        raises.note(None, Fence::new(7), raises.now());
        assert!(raises.is_recent());
        for (counted, is_larger) in [(6, false), (7, false), (8, true)] {
            assert_eq!(raises.vouch_for(Fence::new(counted), None), is_larger, "{counted}");
        }
        clock.advance(Duration::from_millis(800));
        assert!(!raises.is_recent(), "the answer could come too late");
        assert!(raises.vouch_for(Fence::new(8), None), "it has come in time");
        clock.advance(Duration::from_millis(201));
        assert!(!raises.vouch_for(Fence::new(8), None), "it was too long ago");
        raises.note(None, Fence::new(9), raises.now());
        assert!(raises.vouch_for(Fence::new(10), None) && raises.is_recent());
        assert!(!raises.vouch_for(Fence::new(9), None));
        assert!(!raises.is_recent(), "it has to be raised over the connection that carried this");
        raises.note(None, Fence::new(11), raises.now());
        assert!(raises.is_recent());
    }
}
