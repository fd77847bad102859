//! The end of a handle: all are told, and what is under way is waited for.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// How long a shutdown lets holders end their work after it told them that the lock is lost, and requests that were
/// sent get their answer.
const GRACE: Duration = Duration::from_millis(250);

/// Whether a handle is being closed, and what may yet be granted something.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    is_begun: AtomicBool,
    begun: Notify,
    /// How many requests have not ended.
    requests: AtomicUsize,
    /// A request has ended, or a lock was given back.
    changed: Notify,
}

/// A request that may yet be granted something, until this is dropped.
#[derive(Debug)]
pub(crate) struct Request<'a>(&'a Closing);

impl Closing {
    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Acquire)
    }

    /// Tells all who wait.
    pub(crate) fn begin(&self) {
        self.is_begun.store(true, Ordering::Release);
        self.begun.notify_waiters();
    }

    /// Waits for the beginning, also if it comes before this is polled.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + Send {
        self.begun.notified()
    }

    pub(crate) fn request(&self) -> Request<'_> {
        self.requests.fetch_add(1, Ordering::AcqRel);
        Request(self)
    }

    pub(crate) fn note_given_back(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until no request is left and `is_all_given_back`; answers whether that came in time.
    pub(crate) async fn ended(&self, is_all_given_back: impl Fn() -> bool + Send + Sync) -> bool {
        let ended = async {
            loop {
                let changed = self.changed.notified();
                if is_all_given_back() && self.requests.load(Ordering::Acquire) == 0 {
                    return;
                }
                changed.await;
            }
        };
        timeout(GRACE, ended).await.is_ok()
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
        if self.0.is_begun() {
            self.0.changed.notify_waiters();
        }
    }
}
