//! Warming: loading what will be asked for before anybody asks.

mod batch;
mod ids;
mod report;
mod run;
mod running;
mod schedule;

use std::{fmt, sync::Arc, time::Duration};

use redstart_connection::Store;
use redstart_keys::Ttl;

pub use self::{
    batch::Warming,
    ids::Ids,
    report::{WarmCounts, WarmProgress, WarmReport, WarmedCache},
    running::WarmRun,
    schedule::{WarmSchedule, WarmTurn},
};

/// Warms several caches together, so many loads at a time over all of them.
///
/// What is there already is left alone. A cache whose loads fail three times in a row is given up, and a
/// store that does not answer is not warmed at all, so that a warming never makes an outage worse.
/// Its reads count neither as hits or misses nor as use.
///
/// ```
/// use redstart_cache::{Cache, Ids, Warmer, Warming};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::memory();
/// let products = Cache::<u64, String>::new(&store, &PRODUCT);
/// let load = |ids: Vec<u64>| async move {
///     Ok::<_, std::io::Error>(ids.into_iter().map(|id| (id, format!("product {id}"))).collect())
/// };
/// let warmer = Warmer::new(&store).cache(Warming::new(&products, Ids::these(1..=250), load)).verified();
/// let report = warmer.run().await;
/// assert_eq!((report.total().warmed, report.total().verified), (250, 250));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Warmer {
    store: Store,
    warmings: Vec<Warming>,
    concurrency: usize,
    within: Duration,
    is_verified: bool,
    on_progress: Option<Heard<WarmProgress>>,
}

/// Somebody who wants to hear of it.
type Heard<T> = Arc<dyn Fn(&T) + Send + Sync>;

impl Warmer {
    /// A warmer of nothing yet; its tasks are those of `store`.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            warmings: Vec::new(),
            concurrency: 4,
            within: Duration::from_secs(600),
            is_verified: false,
            on_progress: None,
        }
    }

    /// Warms this cache too, after those of the same priority that were named before.
    #[must_use]
    pub fn cache(mut self, warming: Warming) -> Self {
        self.warmings.push(warming);
        self
    }

    /// How many loads run at a time, over all caches. Defaults to 4.
    #[must_use]
    pub const fn concurrency(mut self, loads: usize) -> Self {
        self.concurrency = if loads == 0 { 1 } else { loads };
        self
    }

    /// How long a warming may take; what is left then is left. Defaults to ten minutes.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Reads back from the store what was loaded. Defaults to no.
    #[must_use]
    pub const fn verified(mut self) -> Self {
        self.is_verified = true;
        self
    }

    /// Hears of the progress: when it is known what there is to do, after each load, and at the end.
    ///
    /// `heard` runs within the warming and must not block.
    #[must_use]
    pub fn on_progress(mut self, heard: impl Fn(&WarmProgress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(heard));
        self
    }

    /// Warms now, and answers when it is done.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, what was loaded until then stays.
    pub async fn run(&self) -> WarmReport {
        run::run(self, |_| {}).await
    }

    /// Warms in the background; it ends with the shutdown of the store.
    #[must_use]
    pub fn start(&self) -> WarmRun {
        WarmRun::start(self)
    }

    /// Warms again in each period, by one process of all that have a schedule of this name.
    pub fn every(&self, name: &'static str, period: Ttl) -> WarmSchedule {
        WarmSchedule::new(self.clone(), name, period)
    }
}

impl fmt::Debug for Warmer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warmer")
            .field("caches", &self.warmings)
            .field("concurrency", &self.concurrency)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
