//! Handing a lock on within the process: who gives it back takes the next in line along, in the same step.

use std::{sync::Arc, time::Instant};

use redstart_keys::{Key, Ttl};
use tokio::sync::oneshot;

use crate::{Fence, claim::Claim, operations::Token, queue::Queues};

/// A lock that was handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handed {
    pub(crate) fence: Fence,
    /// Before the question was sent: from then on the lease runs at the earliest.
    pub(crate) sent_at: Instant,
}

/// Who is next in line, for the one who gives the lock back; dropping this without a word tells the waiter to ask.
#[derive(Debug)]
pub(crate) struct Successor {
    /// Its number in the order of arrival.
    pub(crate) number: u64,
    pub(crate) token: Token,
    /// For how long the waiter wants the lock.
    pub(crate) ttl: Ttl,
    word: oneshot::Sender<Handed>,
}

/// A waiter's prospect of being handed the lock; dropping this gives it up.
#[derive(Debug)]
pub(crate) struct Succession {
    queues: Queues,
    lock: Arc<Key>,
    number: u64,
    word: oneshot::Receiver<Handed>,
    is_over: bool,
}

/// The two ends of one waiter's prospect.
pub(crate) fn succession(queues: &Queues, number: u64, claim: &Claim) -> (Successor, Succession) {
    let (sender, receiver) = oneshot::channel();
    let successor = Successor { number, token: claim.token.clone(), ttl: claim.ttl, word: sender };
    let (queues, lock) = (queues.clone(), Arc::clone(&claim.lock));
    (successor, Succession { queues, lock, number, word: receiver, is_over: false })
}

impl Successor {
    /// Tells the waiter that the lock is its own now; one that has gone away sees to that itself.
    pub(crate) fn hand(self, handed: Handed) {
        let _gone = self.word.send(handed);
    }
}

impl Succession {
    /// Waits to be handed the lock; none if that will not be.
    pub(crate) async fn handed(&mut self) -> Option<Handed> {
        if self.is_over {
            return None;
        }
        let word = (&mut self.word).await.ok();
        self.is_over = true;
        word
    }

    /// Gives the prospect up; answers whether the store may know the token, since somebody was about to hand the
    /// lock to it.
    pub(crate) fn end(self) -> bool {
        self.queues.strike_out(&self.lock, self.number).is_none()
    }
}

impl Drop for Succession {
    fn drop(&mut self) {
        drop(self.queues.strike_out(&self.lock, self.number));
    }
}
