//! All kinds of work at once.

use std::time::Duration;

use redstart_connection::Store;
use tokio::runtime::Runtime;

use super::{Load, Work};
use crate::{Result, site::Site};

/// How many ids each kind of work is given.
const IDS: usize = 64;

/// Starts each kind of work on a store of its own, which is connected.
pub(crate) async fn start_all(runtime: &Runtime, site: &Site) -> Result<Vec<Load>> {
    let ids = site.ids(IDS);
    let mut loads = Vec::new();
    for work in Work::ALL {
        let config = site.config(work.name())?;
        let store = runtime.spawn(async move { Store::connect(&config).await }).await??;
        let (handle, ids) = (runtime.handle().clone(), ids.clone());
        loads.push(runtime.spawn(async move { Load::start(&handle, work, store, &ids).await }).await??);
    }
    Ok(loads)
}

/// Lets no call begin, and waits until none is under way.
pub(crate) async fn pause_all(loads: &[Load]) {
    for load in loads {
        load.pause().await;
    }
}

pub(crate) fn resume_all(loads: &[Load]) {
    loads.iter().for_each(Load::resume);
}

/// Ends all work and its stores.
///
/// # Errors
///
/// Fails when a store does not end in time.
pub(crate) async fn end_all(loads: &[Load]) -> Result {
    for load in loads {
        load.end().await;
        let shutdown = load.store.shutdown(Duration::from_secs(2)).await;
        if !shutdown.is_clean() {
            return Err(format!("{}: the store did not end: {shutdown:?}", load.work.name()).into());
        }
    }
    Ok(())
}
