//! Counting the calls under way, so that a shutdown can wait for them.

use std::{
    cell::Cell,
    marker::PhantomData,
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
struct Stripe {
    /// Of any thread.
    calls: AtomicIsize,
    /// Steps of the one thread that this stripe belongs to.
    steps: AtomicIsize,
}

impl InFlight {
    /// Counts a call; refused once the store is shut down.
    #[inline]
    pub(crate) fn enter(&self) -> Result<Call<'_>> {
        let stripe = &self.stripes[number_of_thread() % STRIPES];
        stripe.calls.fetch_add(1, Ordering::SeqCst);
        let call = Call(stripe);
        // Counted first, looked second: a shutdown that saw no call can't be overtaken by one.
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::shutdown());
        }
        Ok(call)
    }

    /// Counts a call that ends on this thread before it does anything else; refused once the store is shut down.
    ///
    /// Nobody but this thread writes its count, so leaving is a mere store. To add and subtract where
    /// others might, as [`InFlight::enter`] does, takes longer than many a step.
    #[inline]
    pub(crate) fn step(&self) -> Result<Step<'_>> {
        let Some(Stripe { steps, .. }) = self.stripes.get(number_of_thread()) else {
            return self.enter().map(|call| Step::Shared { _call: call, _on_this_thread: PhantomData });
        };
        let before = steps.load(Ordering::Relaxed);
        steps.swap(before + 1, Ordering::SeqCst);
        let step = Step::Own { steps, before };
        // Counted first, looked second, as above.
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::shutdown());
        }
        Ok(step)
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
        let of =
            |Stripe { calls, steps }: &Stripe| calls.load(Ordering::SeqCst) + steps.load(Ordering::SeqCst);
        let sum: isize = self.stripes.iter().map(of).sum();
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
    #[inline]
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call that ends on the thread where it began.
pub(crate) enum Step<'a> {
    Own {
        steps: &'a AtomicIsize,
        /// How many steps this one is within.
        before: isize,
    },
    /// Of a thread that has no stripe of its own; like the other it must not be sent to another thread.
    Shared { _call: Call<'a>, _on_this_thread: PhantomData<*const ()> },
}

impl Drop for Step<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Self::Own { steps, before } = self {
            steps.store(*before, Ordering::Release);
        }
    }
}

#[inline]
fn number_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    })
}

#[cfg(test)]
mod tests;
