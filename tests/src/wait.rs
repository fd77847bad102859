//! Waiting for events.

use std::{panic::Location, time::Duration};

/// Waits until a condition holds, and fails the test when it does not within the deadline.
///
/// The deadline is a guard against hanging, not a promise under test: give it ten times what is expected.
/// It runs on real time; under a paused tokio clock it would pass in no time.
///
/// ```
/// # use redstart_tests::eventually;
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
