//! The monitor: looks at a store, at most once a second.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use redstart_connection::{Result, Store};
use redstart_keys::Pattern;
use tokio::sync::Mutex;

use crate::{
    Facts, FetchInfo, FetchSlowLog, Health, HealthStatus, KeySample, Ping, Reach, Rfc3339, ServerInfo,
    SlowCall, inspect, window::Samples,
};

/// How long a look is good for.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How long each question to the server may take.
const PATIENCE: Duration = Duration::from_millis(250);

/// Looks at a store and judges what it sees.
///
/// A look is kept for a second and shared by whoever asks meanwhile, so that health checks never become
/// the load; it takes half a second at most.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    store: Store,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<(Instant, Arc<Look>)>,
    samples: Samples,
}

/// One look and its judgement.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) facts: Facts,
    pub(crate) health: Health,
}

impl Monitor {
    /// A monitor of `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner { store, state: Mutex::default() }))
    }

    /// How the store is doing.
    ///
    /// It never fails: a server that does not answer is a fact, and the worst one.
    ///
    /// # Cancel safety
    ///
    /// Dropping it midway costs the others nothing: the next one looks again.
    pub async fn health(&self) -> Health {
        self.look().await.health.clone()
    }

    /// What the health is judged from.
    pub async fn facts(&self) -> Facts {
        self.look().await.facts.clone()
    }

    /// What the server says of itself, asked now.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, or refuses `INFO`.
    pub async fn server(&self) -> Result<ServerInfo> {
        self.0.store.run(&FetchInfo).await
    }

    /// The last slow calls, the newest first, 128 at most.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, or refuses `SLOWLOG`.
    pub async fn slow_log(&self, count: u32) -> Result<Vec<SlowCall>> {
        self.0.store.run(&FetchSlowLog::new(count)).await
    }

    /// A sample of the keys that `pattern` matches, sorted: `limit` of them, 1,000 at most.
    ///
    /// It ends after about two seconds, and is marked incomplete if there are more.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, or refuses `SCAN`.
    pub async fn keys(&self, pattern: &Pattern, limit: usize) -> Result<KeySample> {
        inspect::sample(&self.0.store, pattern, limit).await
    }

    /// The metrics that are sampled rather than recorded, as Prometheus text.
    pub async fn sampled_text(&self) -> String {
        crate::sampled::render(&*self.look().await)
    }

    /// The store that is looked at.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) async fn look(&self) -> Arc<Look> {
        // Held while the server is asked: who comes meanwhile waits for this look and asks nothing.
        let mut state = self.0.state.lock().await;
        let now = self.0.store.clock().instant();
        if let Some((at, look)) = &state.last
            && now.duration_since(*at) < FRESH_FOR
        {
            return Arc::clone(look);
        }
        let facts = self.find(&mut state.samples).await;
        let health = Health::judge(&facts, Rfc3339::from(self.0.store.clock().now()));
        let before = state.last.as_ref().map_or(HealthStatus::Healthy, |(_, look)| look.health.status);
        if before != health.status {
            let issues: Vec<_> = health.issues.iter().map(|issue| issue.rule).collect();
            tracing::info!(status = ?health.status, score = health.score, ?issues, "health of redis changed");
        }
        let look = Arc::new(Look { facts, health });
        state.last = Some((self.0.store.clock().instant(), Arc::clone(&look)));
        look
    }

    async fn find(&self, samples: &mut Samples) -> Facts {
        let (store, clock) = (self.0.store.within(PATIENCE), self.0.store.clock());
        let sent_at = clock.instant();
        let answer = store.run(&Ping).await;
        let took = clock.instant().duration_since(sent_at);
        let reach = answer.as_ref().err().map_or(Reach::Answered, Reach::of);
        let mut facts =
            Facts { reach, cause: answer.err().map(|error| error.to_string()), ..Facts::default() };
        if reach == Reach::Answered {
            facts.latency = Some(took);
            match store.run(&FetchInfo).await {
                Ok(info) => {
                    facts.window = Some(samples.add(&info, clock.instant()));
                    facts.server = Some(info);
                }
                Err(error) => facts.cause = Some(error.to_string()),
            }
        }
        facts.status = self.0.store.status();
        facts
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("store", &self.0.store.describe()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
