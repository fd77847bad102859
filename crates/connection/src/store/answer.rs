//! Who answers: the server, or memory in its place.

use std::sync::{Arc, Weak};

use super::{Inner, Place, Store};
use crate::{
    Error, Event, Operation, Outage, Redis, Result,
    clock::deadline_in,
    door::{Door, Reach},
    redis::Node,
};

/// An output, and who gave it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What the operation answered.
    pub output: T,
    /// Who answered.
    pub by: By,
}

/// Who answered an operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum By {
    /// The server.
    Redis,
    /// The embedded store, which is all there is.
    Memory,
    /// This process's memory, in place of a server that is away.
    Standby,
}

impl Store {
    /// Runs `hook` whenever a server has come back and heard of everything it missed, just before anybody
    /// reads from it again: what was concluded from the standby's answers must be dropped now.
    ///
    /// It must be quick, and must not use the store.
    pub fn on_return(&self, hook: impl Fn() + Send + Sync + 'static) {
        if let Place::Redis(door) = &self.inner.place {
            door.standby.on_return(Arc::new(hook));
        }
    }

    /// Carries out an operation on the server, or on memory where that may answer and the server can't.
    pub(super) async fn through<O: Operation>(
        &self,
        door: &Door,
        operation: &O,
    ) -> Result<Answer<O::Output>> {
        let error = match door.run(operation, self.reach).await {
            Ok(output) => return Ok(Answer { output, by: By::Redis }),
            Err(error) => error,
        };
        if self.reach.direct || operation.outage() != Outage::UseMemory {
            return Err(error);
        }
        match error.away().and_then(|away| door.standby.answer(operation, away)) {
            Some(answer) => {
                door.standby.ensure_kept(self);
                answer.map(|output| Answer { output, by: By::Standby })
            }
            // It has come back this very moment.
            None if error.away().is_some_and(|away| away.has_returned()) => {
                door.run(operation, self.reach).await.map(|output| Answer { output, by: By::Redis })
            }
            None => {
                self.note_unheard(door, operation, &error);
                Err(error)
            }
        }
    }

    /// Has what the server may not have heard said again.
    fn note_unheard<O: Operation>(&self, door: &Door, operation: &O, error: &Error) {
        if error.is_transient() && operation.replay().is_some() {
            door.standby.note(operation);
            door.standby.ensure_kept(self);
        }
    }

    /// Has somebody look after a server from the moment its breaker opens, asked or not.
    pub(super) fn keep_servers(&self) {
        let (Some(link), store) = (self.link(), self.downgrade()) else { return };
        link.common.on_opened(move || {
            let Some(store) = store.upgrade() else { return };
            if let Place::Redis(door) = &store.inner.place {
                door.standby.ensure_kept(&store);
            }
        });
    }

    /// The same store, with the server alone to answer.
    pub(crate) fn direct(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), reach: Reach { direct: true, ..self.reach } }
    }

    /// Asks one server for a sign of life, through its breaker.
    pub(crate) async fn ping(&self, node: &Arc<Node>) -> Result<()> {
        let Some(link) = self.link() else { return Ok(()) };
        let within = link.common.command_timeout;
        let attempt = Redis::new(Arc::clone(link), deadline_in(within), crate::Effect::Read, false);
        match tokio::time::timeout(within, attempt.ping(node)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::timeout(within, attempt.certainty())),
        }
    }

    pub(crate) fn announce(&self, event: Event) {
        self.inner.announcer.announce(event);
    }

    pub(crate) fn downgrade(&self) -> WeakStore {
        WeakStore { inner: Arc::downgrade(&self.inner), reach: self.reach }
    }
}

/// A handle that keeps no store alive.
pub(crate) struct WeakStore {
    inner: Weak<Inner>,
    reach: Reach,
}

impl WeakStore {
    pub(crate) fn upgrade(&self) -> Option<Store> {
        Some(Store { inner: self.inner.upgrade()?, reach: self.reach })
    }
}
