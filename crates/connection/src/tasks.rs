//! Background tasks that a shutdown can end and wait for.

use std::{future::Future, sync::Arc};

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The background tasks of one store.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// An empty set of tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` in the background until it ends or the store is shut down.
    ///
    /// The work is dropped at its next await when the shutdown comes. It answers whether the task was
    /// started: not outside a runtime, and not after the shutdown.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> bool {
        Handle::try_current().is_ok_and(|runtime| self.spawn_on(&runtime, name, work))
    }

    /// Like [`Tasks::spawn`], on `runtime`.
    pub(crate) fn spawn_on(
        &self,
        runtime: &Handle,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        if self.0.stop.is_cancelled() {
            return false;
        }
        let stop = self.0.stop.clone();
        self.0.tracker.spawn_on(
            async move {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => tracing::trace!(task = name, "ended by the shutdown"),
                    () = work => {}
                }
            },
            runtime,
        );
        true
    }

    /// Runs `work` to its end even when the shutdown comes meanwhile; the shutdown waits for it.
    ///
    /// Meant for work that has a deadline. It answers whether the task was started: not outside a runtime.
    pub fn spawn_to_end(&self, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(runtime) = Handle::try_current() else { return false };
        self.0.tracker.spawn_on(work, &runtime);
        true
    }

    /// A token that is cancelled with the tasks, or alone before.
    pub(crate) fn child_token(&self) -> CancellationToken {
        self.0.stop.child_token()
    }

    /// Whether the tasks have been told to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Waits until the tasks are told to end.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// How many tasks are running.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.tracker.len()
    }

    pub(crate) fn stop(&self) {
        self.0.stop.cancel();
        self.0.tracker.close();
    }

    pub(crate) async fn ended(&self) {
        self.0.tracker.wait().await;
    }
}
