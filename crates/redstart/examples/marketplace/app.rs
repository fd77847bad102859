//! What every handler has at hand.

use std::{sync::OnceLock, time::Duration};

use redstart::{
    Limiter, Locks, Store,
    cache::WarmRun,
    http::{ApiError, TrustedProxies},
    ratelimit::LivePolicies,
};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::{
    caches::Caches, database::Database, outbox::Outbox, settings::Settings, state::State, tokens::Tokens,
};

/// The service: its data, and what stands in front of it.
#[derive(Debug)]
pub(crate) struct App {
    /// Where the caches are.
    pub(crate) store: Store,
    /// Where everything is that must not be evicted.
    pub(crate) coordination: Store,
    pub(crate) database: Database,
    pub(crate) caches: Caches,
    pub(crate) limiter: Limiter,
    pub(crate) locks: Locks,
    pub(crate) tokens: Tokens,
    pub(crate) state: State,
    pub(crate) outbox: Outbox,
    /// How long the bank takes over a payment.
    pub(crate) payment_time: Duration,
    pub(crate) policies: LivePolicies,
    pub(crate) proxies: TrustedProxies,
    pub(crate) royalty_time: Duration,
    pub(crate) processing_time: Duration,
    /// The warming of the start; none where nothing is warmed.
    pub(crate) warming: OnceLock<WarmRun>,
}

impl App {
    /// Puts the parts together; what must not be evicted, limits, locks and state, is kept in `coordination`.
    pub(crate) fn new(settings: &Settings, store: Store, coordination: &Store, database: Database) -> Self {
        Self {
            caches: Caches::new(&store),
            limiter: Limiter::new(coordination.clone()),
            locks: Locks::new(coordination.clone()),
            tokens: Tokens::new(store.clock().clone(), settings.secret.bytes()),
            state: State::new(coordination, &settings.secret),
            outbox: Outbox::new(settings.outbox.clone()),
            coordination: coordination.clone(),
            payment_time: settings.payment_time,
            policies: LivePolicies::new(settings.policies.clone()),
            proxies: settings.proxies.clone(),
            royalty_time: settings.royalty_time,
            processing_time: settings.processing_time,
            warming: OnceLock::new(),
            store,
            database,
        }
    }

    /// Carries work to its end, even when the client goes away meanwhile.
    ///
    /// A handler is dropped with its connection; a change that is made would then never reach the
    /// caches.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (done, outcome) = oneshot::channel();
        let work = async move {
            // Nobody may be there any more to hear of it.
            let _heard = done.send(work.await);
        };
        self.store.tasks().spawn("marketplace.change", work.in_current_span());
        outcome.await.unwrap_or_else(|_| Err(ApiError::unavailable()))
    }
}
