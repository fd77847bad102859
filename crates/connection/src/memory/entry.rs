//! One entry of coordination state.

use std::{any::Any, sync::Arc};

use crate::Timestamp;

/// A value of any type that readers may keep.
pub(super) type Shared = Arc<dyn Any + Send + Sync>;

/// A value of any type with its deadline.
pub(super) struct Entry {
    value: Value,
    pub(super) expires_at: Option<Timestamp>,
}

enum Value {
    Shared(Shared),
    /// Changed in place, so nobody keeps it beyond a step.
    Owned(Box<dyn Any + Send + Sync>),
}

impl Entry {
    pub(super) fn shared<T: Send + Sync + 'static>(value: T, expires_at: Option<Timestamp>) -> Self {
        Self { value: Value::Shared(Arc::new(value)), expires_at }
    }

    pub(super) fn owned<T: Send + Sync + 'static>(value: T, expires_at: Option<Timestamp>) -> Self {
        Self { value: Value::Owned(Box::new(value)), expires_at }
    }

    #[inline]
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// The value, if it is one that readers may keep.
    pub(super) fn to_shared(&self) -> Option<Shared> {
        if let Value::Shared(value) = &self.value { Some(Arc::clone(value)) } else { None }
    }

    /// The value, if it is one that is changed in place.
    #[inline]
    pub(super) fn owned_mut<T: 'static>(&mut self) -> Option<&mut T> {
        if let Value::Owned(value) = &mut self.value { value.downcast_mut() } else { None }
    }
}
