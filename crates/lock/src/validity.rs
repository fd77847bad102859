//! Work that may only go on while locks are held.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Poll,
};

use futures_util::future::select_all;
use redstart_connection::Loss;

use crate::Lease;

/// Polls `work` only while no lease is lost; drops it before answering.
pub(crate) async fn while_valid<T, W: Future<Output = T>>(leases: &[Lease], work: W) -> Result<T, Loss> {
    let mut lost = pin!(lost(leases));
    let mut work = pin!(work);
    poll_fn(|context| {
        // The signal wakes us; only the clock tells for certain, for after a pause of the whole process
        // the work may be polled before the timer has had its turn.
        if let Some(cause) = leases.iter().find_map(Lease::loss) {
            return Poll::Ready(Err(cause));
        }
        match lost.as_mut().poll(context) {
            Poll::Ready(cause) => Poll::Ready(Err(cause)),
            Poll::Pending => work.as_mut().poll(context).map(Ok),
        }
    })
    .await
}

/// Waits until one of the leases is lost.
pub(crate) async fn lost(leases: &[Lease]) -> Loss {
    if let [lease] = leases {
        return lease.lost().await;
    }
    if leases.is_empty() {
        return pending().await;
    }
    select_all(leases.iter().map(|lease| Box::pin(lease.lost()))).await.0
}
