//! A value in this process, with what is known of it.

use std::{ops::Deref, sync::Arc, time::Duration};

use redstart_connection::Timestamp;
use redstart_keys::Ttl;

use crate::tag::Tags;

/// A value in this process, or the knowledge that there is none; it reads as what is known of it.
///
/// It is shared by all who hold it, so that handing it out copies one pointer.
#[derive(Debug)]
pub(crate) enum Held<V> {
    Value(Arc<Known<Arc<V>>>),
    Absence(Arc<Known<()>>),
}

/// Something with what is known of it.
#[derive(Debug)]
pub(crate) struct Known<T> {
    pub(crate) value: T,
    pub(crate) about: About,
}

/// What is known of a value.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) as_of: u64,
    /// When it was loaded, and for how long it is fresh and then shown as old; unknown for what other
    /// programs wrote.
    pub(crate) life: Option<Life>,
    pub(crate) tags: Tags,
    /// What its source knows this state of it by.
    pub(crate) validator: Option<Arc<str>>,
}

/// How long a value lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Life {
    pub(crate) created: Timestamp,
    pub(crate) fresh_for: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) load_time: Duration,
}

impl<V> Held<V> {
    pub(crate) fn new(value: Option<Arc<V>>, about: About) -> Self {
        match value {
            Some(value) => Self::Value(Arc::new(Known { value, about })),
            None => Self::Absence(Arc::new(Known { value: (), about })),
        }
    }

    /// Nothing, when there is known to be none.
    pub(crate) fn value(&self) -> Option<&Arc<V>> {
        match self {
            Self::Value(known) => Some(&known.value),
            Self::Absence(_) => None,
        }
    }
}

impl<V> Clone for Held<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(known) => Self::Value(Arc::clone(known)),
            Self::Absence(known) => Self::Absence(Arc::clone(known)),
        }
    }
}

impl<V> Deref for Held<V> {
    type Target = About;

    fn deref(&self) -> &About {
        match self {
            Self::Value(known) => &known.about,
            Self::Absence(known) => &known.about,
        }
    }
}

impl About {
    /// Whether it is shown although it is not fresh any more.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        self.life.is_some_and(|life| !life.stale_for.is_zero() && life.expires_at() <= now)
    }

    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.life.is_none_or(|life| now < life.expires_at())
    }

    /// Whether it may be shown, be it as an old value.
    pub(crate) fn is_shown(&self, now: Timestamp) -> bool {
        self.life.is_none_or(|life| now < life.ends_at())
    }

    /// Whether it stopped being fresh less than `window` ago, and may still be shown.
    pub(crate) fn is_stale_within(&self, window: Duration, now: Timestamp) -> bool {
        let past = |life: Life| now.since(life.expires_at());
        self.is_shown(now) && self.life.is_some_and(|life| past(life) < window)
    }
}

impl Life {
    /// When it stops being fresh.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.created.saturating_add(self.fresh_for)
    }

    /// How long the store keeps it.
    pub(crate) fn ttl(&self) -> Ttl {
        Ttl::new(self.fresh_for.saturating_add(self.stale_for)).unwrap_or(Ttl::MAX)
    }

    /// When it may not be shown at all any more.
    pub(crate) fn ends_at(&self) -> Timestamp {
        self.expires_at().saturating_add(self.stale_for)
    }
}
