//! Waiting for events.

use std::{
    panic::Location,
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(10);

/// Waits until a condition holds, and fails the test when it does not within the deadline.
///
/// The deadline is a guard against hanging, not a promise under test: give it ten times what is expected.
/// It runs on real time; under a paused tokio clock it would pass in no time.
///
/// # Panics
///
/// Panics when the deadline passes, with the place that waited.
///
/// ```
/// # use redstart_testkit::eventually;
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut polls = 0;
/// eventually(Duration::from_secs(5), async || {
///     polls += 1;
///     polls == 3
/// })
/// .await;
/// # }
/// ```
#[track_caller]
pub fn eventually<C>(within: Duration, mut condition: C) -> impl Future<Output = ()>
where
    C: AsyncFnMut() -> bool,
{
    let caller = Location::caller();
    async move {
        let poll = async {
            let mut pause = Duration::from_millis(1);
            while !condition().await {
                tokio::time::sleep(pause).await;
                pause = Duration::from_millis(20).min(pause * 2);
            }
        };
        if tokio::time::timeout(within, poll).await.is_err() {
            panic!("what {caller} waits for did not happen within {within:?}");
        }
    }
}

/// Waits until nothing is missing any more; the thread sleeps meanwhile.
///
/// # Panics
///
/// Panics when something is missing after the deadline, with what that is.
pub(crate) fn block_until(within: Duration, mut check: impl FnMut() -> Result<(), String>) {
    #[expect(clippy::disallowed_methods, reason = "servers come up in real time")]
    let started = Instant::now();
    while let Err(missing) = check() {
        assert!(started.elapsed() < within, "not within {within:?}: {missing}");
        thread::sleep(POLL);
    }
}

/// Waits until nothing is missing any more, and lets other tasks run meanwhile.
///
/// # Panics
///
/// Panics when something is missing after the deadline, with what that is.
pub(crate) async fn until(within: Duration, mut check: impl FnMut() -> Result<(), String>) {
    let mut missing = String::new();
    let poll = async {
        while let Err(reason) = check() {
            missing = reason;
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(within, poll).await.is_err() {
        panic!("not within {within:?}: {missing}");
    }
}
