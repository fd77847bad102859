//! Whether anybody relies on the server to keep what it was given.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Store;

/// Set once something was entrusted to the server that must not be thrown out.
#[derive(Default)]
struct Reliance(AtomicBool);

impl Store {
    /// Says that from now on something is kept here that must not be thrown out for want of memory, such as
    /// locks; [`Status::relies_on_keeping`](crate::Status::relies_on_keeping) tells those who judge the server.
    pub fn rely_on_keeping(&self) {
        self.shared::<Reliance>().0.store(true, Ordering::Relaxed);
    }

    pub(super) fn relies_on_keeping(&self) -> bool {
        self.shared::<Reliance>().0.load(Ordering::Relaxed)
    }
}
