//! Warming again and again, by one process of the fleet.

use std::{fmt, sync::Arc, time::Duration};

use redstart_connection::{Result, Store};
use redstart_keys::{Category, Key, Ttl};

use super::{Heard, Warmer, report::WarmReport};
use crate::operations::{ClaimPeriod, PeriodClaim};

/// How long a process waits after a store that did not answer, at the most.
const RETRY: Duration = Duration::from_secs(10);
/// Within which time the processes ask for a period that has begun, so that they do not ask all at once.
const SPREAD: Duration = Duration::from_secs(5);

/// A warming that runs in each period; from [`Warmer::every`].
///
/// Periods follow the store's clock and begin at multiples of their length since 1970 (UTC). Of the
/// processes that share the store, the first to ask has the period; when it crashes, the next period is
/// the next try. While the store is away nothing is warmed.
///
/// ```
/// use std::time::Duration;
/// # use redstart_cache::{Cache, Ids, Usage, Warmer, Warming};
/// # use redstart_connection::Store;
/// # use redstart_keys::{Category, Entity, Ttl};
/// # const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let store = Store::memory();
/// # let usage = Usage::sampled(16).hourly();
/// # let products = Cache::<u64, String>::builder(&store, &PRODUCT).usage(usage).build();
/// # let load = |ids: Vec<u64>| async move {
/// #     Ok::<_, std::io::Error>(ids.into_iter().map(|id| (id, format!("product {id}"))).collect())
/// # };
/// // Five minutes before each hour, what that hour used on former days.
/// let expected = Warmer::new(&store).cache(Warming::new(&products, Ids::expected(500), load));
/// expected.every("products", Ttl::hours(1)).ahead(Duration::from_secs(300)).start();
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a schedule does nothing before `start`"]
pub struct WarmSchedule {
    warmer: Warmer,
    key: Key,
    period: Ttl,
    ahead: Duration,
    on_report: Option<Heard<WarmReport>>,
}

/// What one process did about one period.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WarmTurn {
    /// What was warmed; none when the period is another's, or was warmed before.
    pub report: Option<WarmReport>,
    /// Until the next period begins; zero when it has begun meanwhile.
    pub next_in: Duration,
}

impl WarmSchedule {
    pub(super) fn new(warmer: Warmer, name: &'static str, period: Ttl) -> Self {
        let key = Key::namespace(Category::Cache, name, "warm");
        Self { warmer, key, period, ahead: Duration::ZERO, on_report: None }
    }

    /// Begins so long before each period. Defaults to not at all.
    pub const fn ahead(mut self, time: Duration) -> Self {
        self.ahead = time;
        self
    }

    /// Hears what each warming of this process has done.
    pub fn on_report(mut self, heard: impl Fn(&WarmReport) + Send + Sync + 'static) -> Self {
        self.on_report = Some(Arc::new(heard));
        self
    }

    /// Runs in the background until the store is shut down; the present period counts.
    ///
    /// It keeps the store, so that only [`Store::shutdown`] ends it.
    ///
    /// It answers whether it was started: not outside a runtime, and not after the shutdown.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn start(self) -> bool {
        let tasks = self.store().tasks().clone();
        tasks.spawn("cache warming schedule", async move {
            loop {
                tokio::time::sleep(self.rest().await).await;
            }
        })
    }

    /// Warms if the present period is this process's; for services that have a scheduler of their own.
    ///
    /// # Errors
    ///
    /// Fails when the store does not say whose the period is; then nothing is warmed.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the period may be claimed and not warmed.
    pub async fn turn(&self) -> Result<WarmTurn> {
        let clock = self.store().clock();
        let started = clock.instant();
        let token = format!("{:032x}", fastrand::u128(..));
        let claim = ClaimPeriod::new(self.key.clone(), self.period, self.ahead, token);
        let PeriodClaim { is_ours, next_in } = self.store().run(&claim).await?;
        if !is_ours {
            return Ok(WarmTurn { report: None, next_in });
        }
        let report = self.warmer.run().await;
        if let Some(heard) = &self.on_report {
            heard(&report);
        }
        let took = clock.instant().saturating_duration_since(started);
        Ok(WarmTurn { report: Some(report), next_in: next_in.saturating_sub(took) })
    }

    /// Takes a turn, and answers how long to rest before the next.
    async fn rest(&self) -> Duration {
        let period = self.period.as_duration();
        match self.turn().await {
            Ok(turn) => turn.next_in + SPREAD.min(period / 20).mul_f64(fastrand::f64()),
            Err(error) => {
                tracing::debug!(key = %self.key, %error, "whose turn it is to warm can't be told");
                RETRY.min(period)
            }
        }
    }

    const fn store(&self) -> &Store {
        &self.warmer.store
    }
}

impl fmt::Debug for WarmSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WarmSchedule")
            .field("key", &self.key)
            .field("period", &self.period)
            .field("ahead", &self.ahead)
            .finish_non_exhaustive()
    }
}
