//! Real processes that want the same lock.

use std::env;

use super::{record::Record, worker::Manner};
use crate::workers::Workers;

/// Set for a process that is to work instead of testing.
pub(super) const URL: &str = "REDSTART_LOCK_WORKER_URL";
pub(super) const PREFIX: &str = "REDSTART_LOCK_WORKER_PREFIX";
/// How a process goes about it; else each is alone.
const MANNER: &str = "REDSTART_LOCK_WORKER_MANNER";

/// So many processes on the server at `url`, of one task each.
pub(super) fn start(count: usize, url: &str, prefix: &str) -> Workers<Record> {
    start_each(&vec!["alone"; count], url, prefix)
}

/// A process for each of those manners.
pub(super) fn start_each(manners: &[&str], url: &str, prefix: &str) -> Workers<Record> {
    let job = |manner: &&str| {
        vec![(URL, url.to_owned()), (PREFIX, prefix.to_owned()), (MANNER, (*manner).to_owned())]
    };
    Workers::start("lock_history::worker_process", manners.iter().map(job).collect())
}

/// How this process is to go about it.
pub(super) fn manner() -> Manner {
    match env::var(MANNER).as_deref() {
        Ok("crowd") => Manner::CROWD,
        Ok("visitor") => Manner::VISITOR,
        _ => Manner::ALONE,
    }
}
