//! The one place that asks what time it is, on a clock that never goes back.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Time since the process first asked.
#[expect(clippy::disallowed_methods, reason = "what is measured is the machine's time")]
pub(crate) fn now() -> Duration {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    let epoch = *EPOCH;
    Instant::now().saturating_duration_since(epoch)
}
