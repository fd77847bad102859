//! Real processes that want the same lock.

use super::record::Record;
use crate::workers::Workers;

/// Set for a process that is to work instead of testing.
pub(super) const URL: &str = "REDSTART_LOCK_WORKER_URL";
pub(super) const PREFIX: &str = "REDSTART_LOCK_WORKER_PREFIX";

/// So many processes on the server at `url`.
pub(super) fn start(count: usize, url: &str, prefix: &str) -> Workers<Record> {
    let job = vec![(URL, url.to_owned()), (PREFIX, prefix.to_owned())];
    Workers::start("lock_history::worker_process", vec![job; count])
}
