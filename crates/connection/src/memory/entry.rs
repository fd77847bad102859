//! One entry of the embedded store.

use std::{any::Any, sync::Arc, time::Duration};

use crate::Timestamp;

/// A value of any type with its deadline.
#[derive(Clone)]
pub(super) struct Entry {
    value: Arc<dyn Any + Send + Sync>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) reclaim_after: Option<Duration>,
    weight: u32,
}

impl Entry {
    pub(super) fn new<T: Send + Sync + 'static>(
        value: T,
        expires_at: Option<Timestamp>,
        reclaim_after: Option<Duration>,
        weight: u32,
    ) -> Self {
        Self { value: Arc::new(value), expires_at, reclaim_after, weight }
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    pub(super) fn value<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.value).downcast().ok()
    }

    pub(super) const fn weight(&self) -> u32 {
        self.weight
    }
}
