//! Renewals that are due together travel together.

use std::{
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redstart_connection::{Renewal, Store};
use redstart_keys::{Key, Ttl};
use tokio::{sync::oneshot, task::yield_now};

use crate::operations::{Extend, Token};

/// Gathers the renewals of one moment into one step.
pub(crate) struct Renewals {
    store: Store,
    open: Mutex<Batch>,
}

#[derive(Default)]
struct Batch {
    extend: Extend,
    answers: Vec<oneshot::Sender<Renewal>>,
}

impl Renewals {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, open: Mutex::default() }
    }

    /// Prolongs a lock along with all that are prolonged at this moment.
    pub(crate) async fn extend(&self, lock: &Key, token: Token, ttl: Ttl) -> Renewal {
        let (sender, answer) = oneshot::channel();
        let leads = {
            let mut open = self.open();
            open.extend = mem::take(&mut open.extend).and(lock, token, ttl);
            open.answers.push(sender);
            open.answers.len() == 1
        };
        if leads {
            let leading = Leading(Some(self));
            // The others of this moment add theirs meanwhile.
            yield_now().await;
            let batch = leading.close();
            let renewals = self.store.run(&batch.extend).await.unwrap_or_default();
            let renewals = renewals.into_iter().chain(std::iter::repeat(Renewal::Unknown));
            for (answer, renewal) in batch.answers.into_iter().zip(renewals) {
                // Who has gone needs no answer.
                let _gone = answer.send(renewal);
            }
        }
        answer.await.unwrap_or(Renewal::Unknown)
    }

    fn take(&self) -> Batch {
        mem::take(&mut *self.open())
    }

    fn open(&self) -> MutexGuard<'_, Batch> {
        // Every change under this lock is complete before anything could panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that a batch whose first caller goes away does not stay open for ever.
struct Leading<'a>(Option<&'a Renewals>);

impl Leading<'_> {
    /// Takes the batch; what others open from now on is theirs to lead.
    fn close(mut self) -> Batch {
        self.0.take().map(Renewals::take).unwrap_or_default()
    }
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        drop(self.0.map(Renewals::take));
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewals").field("open", &self.open().answers.len()).finish_non_exhaustive()
    }
}
