//! Asking again while a server is away.

use std::time::Duration;

use redstart_connection::{Effect, Error, ErrorKind, Operation, Result, Store};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(250);

/// How long work on many keys waits for a server that is away, such as during a failover.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub(crate) Duration);

impl Patience {
    /// No more patience than this.
    pub(crate) fn at_most(self, most: Duration) -> Self {
        Self(self.0.min(most))
    }

    /// Carries out an operation, again and again while the store says that a later attempt may succeed.
    ///
    /// # Errors
    ///
    /// Fails with what can't be waited for, and when it takes too long. What must not happen twice is tried
    /// once.
    pub(crate) async fn run<O: Operation>(self, store: &Store, operation: &O) -> Result<O::Output> {
        let began = store.clock().instant();
        loop {
            match store.run(operation).await {
                Err(error) if may_pass(&error) && operation.effect() != Effect::Once => {
                    if store.clock().instant().duration_since(began) >= self.0 {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
            sleep(PAUSE).await;
        }
    }
}

/// Whether waiting helps; a full memory does not empty itself.
fn may_pass(error: &Error) -> bool {
    error.is_transient() && error.kind() != ErrorKind::OutOfMemory
}
