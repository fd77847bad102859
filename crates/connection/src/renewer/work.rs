//! Work that may only go on while a lease holds.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use super::{Loss, Validity};

impl Validity {
    /// Polls `work` only while the lease is certainly ours; drops it before answering why it is not.
    ///
    /// What runs inside one poll is not interrupted.
    ///
    /// # Errors
    ///
    /// Fails with why the lease was lost; the work has been dropped then.
    pub async fn while_valid<T, W: Future<Output = T>>(&self, work: W) -> Result<T, Loss> {
        let mut lost = pin!(self.lost());
        let mut work = pin!(work);
        poll_fn(|context| {
            // The signal wakes us; only the clock tells for certain, for after a pause of the whole process
            // the work may be polled before the timer has had its turn.
            if let Some(cause) = self.loss() {
                return Poll::Ready(Err(cause));
            }
            match lost.as_mut().poll(context) {
                Poll::Ready(cause) => Poll::Ready(Err(cause)),
                Poll::Pending => work.as_mut().poll(context).map(Ok),
            }
        })
        .await
    }
}
