//! A value with where it came from.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use redstart_connection::{By, Timestamp};

use crate::held::{Held, Known, Life};

/// A value out of a cache.
///
/// It reads as the value itself; [`Cached::source`] and its neighbours say how it came about.
pub struct Cached<V> {
    known: Arc<Known<Arc<V>>>,
    source: Source,
    now: Timestamp,
}

/// Which tier answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// This process.
    L1,
    /// The store.
    L2,
    /// This process's memory, in place of a store that is away.
    Standby,
    /// The loader, for this caller or for another who asked at the same time.
    Loaded,
}

impl Source {
    pub(crate) const fn of(by: By) -> Self {
        match by {
            By::Standby => Self::Standby,
            _ => Self::L2,
        }
    }
}

impl<V> Cached<V> {
    /// None when the entry says that there is nothing.
    pub(crate) fn from_held(held: Held<V>, source: Source, now: Timestamp) -> Option<Self> {
        match held {
            Held::Value(known) => Some(Self { known, source, now }),
            Held::Absence(_) => None,
        }
    }

    /// The value, shared.
    #[must_use]
    pub fn into_value(self) -> Arc<V> {
        Arc::clone(&self.known.value)
    }

    /// Which tier answered.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Whether no loader ran for this answer.
    #[must_use]
    pub const fn is_hit(&self) -> bool {
        !matches!(self.source, Source::Loaded)
    }

    /// Whether it was not fresh any more when it was handed out: it is being replaced, or could not be.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale_for().is_some()
    }

    /// How long it had not been fresh any more when it was handed out; none when it was.
    #[must_use]
    pub fn stale_for(&self) -> Option<Duration> {
        let life = self.life().filter(|life| !life.stale_for.is_zero() && life.expires_at() <= self.now)?;
        Some(self.now.since(life.expires_at()))
    }

    /// How old the value was when it was handed out; unknown for what other programs wrote.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.life().map(|life| self.now.since(life.created))
    }

    /// How long it stays fresh, zero when it is not any more; unknown for what other programs wrote.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.life().map(|life| life.expires_at().since(self.now))
    }

    fn life(&self) -> Option<Life> {
        self.known.about.life
    }
}

impl<V> Clone for Cached<V> {
    fn clone(&self) -> Self {
        Self { known: Arc::clone(&self.known), ..*self }
    }
}

impl<V> Deref for Cached<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.known.value
    }
}

impl<V: fmt::Debug> fmt::Debug for Cached<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("value", &self.known.value)
            .field("source", &self.source)
            .field("life", &self.life())
            .field("now", &self.now)
            .finish()
    }
}

#[cfg(test)]
mod tests;
