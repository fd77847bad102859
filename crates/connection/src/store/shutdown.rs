//! Ending a store in good order.

use std::{
    fmt, mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Place, Store};
use crate::{
    BoxFuture, Event,
    clock::{deadline_in, runtime_now},
};

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What has to be done before the door closes.
#[derive(Default)]
pub(super) struct Hooks(Mutex<Vec<Hook>>);

impl Hooks {
    fn add(&self, hook: Hook) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    fn take(&self) -> Vec<Hook> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct Shutdown {
    /// Calls that were still under way at the end.
    pub calls_left: usize,
    /// Background tasks that were still running at the end.
    pub tasks_left: usize,
}

impl Shutdown {
    /// Whether everything ended in time.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.calls_left == 0 && self.tasks_left == 0
    }
}

impl Store {
    /// Ends the store in good order within `within`.
    ///
    /// First what was registered by [`Store::on_shutdown`] runs (locks are released), then new calls
    /// are refused and those under way are waited for, then the background tasks end.
    pub async fn shutdown(&self, within: Duration) -> Shutdown {
        let inner = &*self.inner;
        let give_up = deadline_in(within);
        for hook in inner.hooks.take() {
            if tokio::time::timeout_at(give_up, hook()).await.is_err() {
                tracing::warn!("the shutdown's time is over before everything was released");
            }
        }
        if let Place::Redis(door) = &inner.place {
            door.standby.say_goodbye(self);
        }
        inner.calls.close();
        let calls_left = inner.calls.drained(give_up.saturating_duration_since(runtime_now())).await;
        inner.tasks.stop();
        let ended = tokio::time::timeout_at(give_up, inner.tasks.ended()).await;
        let tasks_left = if ended.is_ok() { 0 } else { inner.tasks.running() };
        inner.announcer.announce(Event::ShutDown);
        Shutdown { calls_left, tasks_left }
    }

    /// Registers work for the beginning of a shutdown, while calls are still accepted.
    pub fn on_shutdown(&self, hook: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) {
        self.inner.hooks.add(Box::new(hook));
    }

    /// Whether the store takes no more calls.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.inner.calls.is_closed()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}
