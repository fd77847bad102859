//! What holds for one read: the cache's own terms, or those of a call.

use redstart_keys::Ttl;

use crate::{freshness::Freshness, tag::Tags};

/// The terms of a read and of the load that it may begin.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) freshness: Freshness,
    /// How long to keep what is loaded, unless the loader says so.
    pub(crate) ttl: Option<Ttl>,
    pub(crate) tags: Tags,
    /// Values of earlier stamps are passed by.
    pub(crate) at_least: u64,
}

impl Terms {
    pub(crate) fn new(freshness: Freshness) -> Self {
        Self { freshness, ttl: None, tags: Tags::default(), at_least: 0 }
    }
}
