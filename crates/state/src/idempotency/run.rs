//! Work that has begun.

use std::{fmt, mem, time::Duration, time::Instant};

use bytes::Bytes;
use metrics::counter;
use redstart_connection::{BoxFuture, Error, Kept, Loss, Renewal, Store, Validity, names};
use redstart_keys::Ttl;

use crate::operations::{Abandon, Attempt, Complete, Renew};

/// How long to wait before an answer is offered again to a store that did not take it.
const PAUSE: Duration = Duration::from_millis(250);

/// Work that has begun; its lease is renewed in the background until this is completed or dropped.
///
/// Dropping this gives the work back, so that a repeat does it.
#[must_use = "work is given back when this is dropped"]
pub struct Run {
    store: Store,
    attempt: Attempt,
    retention: Ttl,
    kept: Option<Kept>,
    validity: Validity,
}

impl Run {
    pub(super) fn keep(
        store: &Store,
        attempt: Attempt,
        sent_at: Instant,
        lease: Ttl,
        retention: Ttl,
    ) -> Self {
        let (renewing, renew) = (store.clone(), Renew::new(attempt.clone(), lease));
        let kept = store.renewer().keep(lease, sent_at, move || {
            let (store, renew) = (renewing.clone(), renew.clone());
            let renewal: BoxFuture<'static, Renewal> =
                Box::pin(async move { store.run(&renew).await.unwrap_or(Renewal::Unknown) });
            renewal
        });
        let validity = kept.validity();
        Self { store: store.clone(), attempt, retention, kept: Some(kept), validity }
    }

    /// Whether the work is certainly still ours, to hand around.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity.clone()
    }

    /// Keeps the answer for repeats; answers whether the work was still ours.
    ///
    /// If the work has passed to another, its answer is that one's.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer. It is then tried again in the background for as long as the
    /// lease holds, so that the work need not be done again.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the answer may be kept or not; where it was not, a repeat does the work.
    pub async fn complete(mut self, answer: Bytes) -> Result<bool, Error> {
        let complete = Complete::new(self.attempt.clone(), answer, self.retention);
        let outcome = self.store.run(&complete).await;
        match &outcome {
            Ok(is_ours) => {
                if !is_ours {
                    counter!(names::IDEMPOTENCY_LOST).increment(1);
                }
                self.end();
            }
            Err(_) => {
                let (store, kept, validity) = (self.store.clone(), self.end(), self.validity.clone());
                let again = async move {
                    // The lease goes on meanwhile.
                    let _kept = kept;
                    let settle = async {
                        loop {
                            tokio::time::sleep(PAUSE).await;
                            if store.run(&complete).await.is_ok() {
                                return;
                            }
                        }
                    };
                    if validity.while_valid(settle).await.is_err() {
                        counter!(names::IDEMPOTENCY_LOST).increment(1);
                        tracing::warn!(
                            "the answer of work that is done could not be kept; it may be done again"
                        );
                    }
                };
                self.store.tasks().spawn("idempotency.complete", again);
            }
        }
        outcome
    }

    /// Gives the work back, for a repeat to do; answers whether it was still ours.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; the work is free again when its lease has ended.
    pub async fn abandon(mut self) -> Result<bool, Error> {
        drop(self.end());
        self.store.run(&Abandon::new(self.attempt.clone())).await
    }

    /// Takes the lease; what is left of this gives nothing back any more.
    fn end(&mut self) -> Option<Kept> {
        mem::take(&mut self.kept)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let Some(kept) = self.end() else { return };
        kept.end(Loss::Released);
        let (store, abandon) = (self.store.clone(), Abandon::new(self.attempt.clone()));
        self.store.tasks().spawn("idempotency.abandon", async move {
            if let Err(error) = store.run(&abandon).await {
                tracing::debug!(%error, "work that was dropped is free when its lease has ended");
            }
        });
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({:?}, valid for {:?})", self.attempt, self.validity.valid_for())
    }
}
