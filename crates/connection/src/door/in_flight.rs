//! Counting the calls under way, so that a shutdown can wait for them.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    Error, Result,
    clock::{deadline_in, runtime_now},
};

const STRIPES: usize = 16;

/// Calls under way, counted in stripes so that threads do not share a cache line.
#[derive(Default)]
pub(crate) struct InFlight {
    stripes: [Stripe; STRIPES],
    closed: AtomicBool,
}

#[derive(Default)]
#[repr(align(128))]
struct Stripe(AtomicIsize);

impl InFlight {
    /// Counts a call; refused once the store is shut down.
    pub(crate) fn enter(&self) -> Result<Call<'_>> {
        let stripe = &self.stripes[stripe_of_thread()];
        stripe.0.fetch_add(1, Ordering::SeqCst);
        let call = Call(stripe);
        // Counted first, looked second: a shutdown that saw no call can't be overtaken by one.
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::shutdown());
        }
        Ok(call)
    }

    /// Refuses further calls.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Calls under way.
    pub(crate) fn count(&self) -> usize {
        let sum: isize = self.stripes.iter().map(|stripe| stripe.0.load(Ordering::SeqCst)).sum();
        usize::try_from(sum).unwrap_or(0)
    }

    /// Waits until no call is under way; answers how many were left at the end.
    pub(crate) async fn drained(&self, within: Duration) -> usize {
        let give_up = deadline_in(within);
        loop {
            let left = self.count();
            if left == 0 || runtime_now() >= give_up {
                return left;
            }
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// One call under way.
pub(crate) struct Call<'a>(&'a Stripe);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn stripe_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        mine.get()
    })
}
