//! The load: tasks that call again and again for the length of a slice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use crate::{Result, clock::Stopwatch};

/// One client that makes one call after another.
pub(crate) trait Caller: Send + 'static {
    /// Makes one call; answers whether it brought what it should.
    fn call(&mut self) -> impl Future<Output = bool> + Send;
}

/// How many callers there are, and how often they look whether it is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    tasks: usize,
    calls_per_look: u32,
}

/// How long a slice lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    /// Calls in this time don't count: caches fill, workers wake up.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What a slice brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// How many called at the same time.
    pub(crate) callers: usize,
    /// Calls in the measured time.
    pub(crate) calls: u64,
    /// The measured time.
    pub(crate) elapsed: Duration,
    /// Calls in the whole slice, for the cost of one.
    pub(crate) all_calls: u64,
    /// The whole slice.
    pub(crate) whole: Duration,
    /// Calls that did not bring what they should.
    pub(crate) failed: u64,
}

const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    before: u64,
    within: u64,
    failed: u64,
}

impl Slice {
    pub(crate) const fn new(warm_up: Duration, measured: Duration) -> Self {
        Self { warm_up, measured }
    }

    /// As other processes are told of it: the milliseconds of warm-up and of measuring.
    pub(crate) fn line(self) -> String {
        format!("{} {}", self.warm_up.as_millis(), self.measured.as_millis())
    }
}

impl Count {
    /// What another process counted, in five numbers: calls measured, microseconds, all calls, microseconds
    /// in all, calls that failed.
    pub(crate) fn of(callers: usize, numbers: &[u64]) -> Result<Self> {
        let [calls, elapsed, all_calls, whole, failed] = *numbers else {
            return Err(format!("five numbers were expected of a process, not {numbers:?}").into());
        };
        let (elapsed, whole) = (Duration::from_micros(elapsed), Duration::from_micros(whole));
        Ok(Self { callers, calls, elapsed, all_calls, whole, failed })
    }

    /// Puts two slices of the same load together.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { callers, calls, elapsed, all_calls, whole, failed } = *other;
        self.callers = callers;
        self.calls += calls;
        self.elapsed += elapsed;
        self.all_calls += all_calls;
        self.whole += whole;
        self.failed += failed;
    }
}

impl Load {
    /// Callers that wait for the network.
    pub(crate) const fn tasks(tasks: usize) -> Self {
        Self { tasks, calls_per_look: 1 }
    }

    /// Callers that never wait: as many threads, up to the workers of the runtime.
    pub(crate) const fn threads(threads: usize) -> Self {
        // A call of nanoseconds would else measure how long looking takes.
        Self { tasks: threads, calls_per_look: 64 }
    }

    /// Runs one slice with callers made by `caller` from their number.
    pub(crate) fn run<C: Caller>(
        self,
        runtime: &Runtime,
        slice: Slice,
        caller: impl Fn(usize) -> C,
    ) -> Result<Count> {
        let stage = Arc::new(AtomicU8::new(WARM_UP));
        let whole = Stopwatch::start();
        let callers: Vec<_> = (0..self.tasks)
            .map(|task| runtime.spawn(call_on(caller(task), Arc::clone(&stage), self.calls_per_look)))
            .collect();
        // This thread is no worker of the runtime, so its sleep keeps nobody from working.
        thread::sleep(slice.warm_up);
        stage.store(MEASURED, Ordering::Relaxed);
        let measured = Stopwatch::start();
        thread::sleep(slice.measured);
        stage.store(MEASURED + 1, Ordering::Relaxed);
        let elapsed = measured.elapsed();

        let mut sum = Tally::default();
        for caller in callers {
            let Tally { before, within, failed } = runtime.block_on(caller)?;
            sum.before += before;
            sum.within += within;
            sum.failed += failed;
        }
        Ok(Count {
            callers: self.tasks,
            calls: sum.within,
            elapsed,
            all_calls: sum.before + sum.within,
            whole: whole.elapsed(),
            failed: sum.failed,
        })
    }
}

async fn call_on<C: Caller>(mut caller: C, stage: Arc<AtomicU8>, calls_per_look: u32) -> Tally {
    let mut tally = Tally::default();
    loop {
        let counted = match stage.load(Ordering::Relaxed) {
            WARM_UP => &mut tally.before,
            MEASURED => &mut tally.within,
            _ => return tally,
        };
        for _ in 0..calls_per_look {
            if caller.call().await {
                *counted += 1;
            } else {
                tally.failed += 1;
            }
        }
    }
}

/// The runtime of the callers: two workers, as the baselines were measured with.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
