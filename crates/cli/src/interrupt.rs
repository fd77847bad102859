//! Ctrl-C, and what is left behind: nothing.

use crate::{Exit, Failure};

/// That somebody pressed Ctrl-C.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Interrupted;

impl From<Interrupted> for Failure {
    fn from(_: Interrupted) -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }
}

/// Does the work unless somebody presses Ctrl-C meanwhile.
///
/// Then the work is dropped where it stands: what it has started must end by being dropped.
/// Work that wants to finish in order listens to [`tokio::signal::ctrl_c`] by itself instead.
///
/// # Errors
///
/// Fails when it was interrupted.
pub async fn or_interrupted<T>(work: impl Future<Output = T>) -> Result<T, Interrupted> {
    tokio::select! {
        // It listens before the work begins, which may hold this thread up for a while.
        biased;
        () = interrupted() => Err(Interrupted),
        done = work => Ok(done),
    }
}

/// Waits until somebody presses Ctrl-C; for ever where that can't be heard.
pub(crate) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
