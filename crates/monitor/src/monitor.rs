//! The monitor: looks at a store, at most once a second.

use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, Instant},
};

use redstart_connection::{Config, Result, Store};
use redstart_keys::Pattern;
use tokio::sync::Mutex;

use crate::{
    Ask, AskClients, Census, CensusPlan, CensusProgress, ClientList, Examination, Examined, Exposure, Facts,
    FetchInfo, FetchSlowLog, Health, HealthStatus, Inspection, KeySample, NodeInfo, Rfc3339, Rule,
    ServerInfo, SlowCall, Told,
    finder::{Beside, Finder},
    inspect, rules,
};

/// How long a look is good for.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Looks at a store and judges what it sees.
///
/// A look is kept for a second and shared by whoever asks meanwhile, so that health checks never become
/// the load; it takes half a second at most.
#[derive(Clone)]
pub struct Monitor(Arc<Inner>);

struct Inner {
    store: Store,
    state: Mutex<State>,
    rules: RwLock<Vec<Rule>>,
    census: RwLock<Option<Arc<Census>>>,
    recorded: OnceLock<ReadRecorded>,
}

type ReadRecorded = Box<dyn Fn() -> String + Send + Sync>;

#[derive(Default)]
struct State {
    last: Option<(Instant, Arc<Look>)>,
    finder: Finder,
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
        Self(Arc::new(Inner {
            store,
            state: Mutex::default(),
            rules: RwLock::default(),
            census: RwLock::default(),
            recorded: OnceLock::new(),
        }))
    }

    /// Judges by this rule too, from the next look on.
    pub fn add_rule(&self, rule: Rule) {
        self.0.rules.write().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Has each look take in what this process has recorded of itself, which `read` gives as Prometheus
    /// text; only the first counts.
    ///
    /// `Exposition::install` does it by itself.
    pub fn read_recorded(&self, read: impl Fn() -> String + Send + Sync + 'static) {
        let _is_first = self.0.recorded.set(Box::new(read));
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

    /// Facts and health of one look.
    pub async fn report(&self) -> (Facts, Health) {
        let look = self.look().await;
        (look.facts.clone(), look.health.clone())
    }

    /// What the server says of itself, asked now.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer, or refuses `INFO`.
    pub async fn server(&self) -> Result<ServerInfo> {
        self.0.store.run(&FetchInfo).await
    }

    /// What every server that owns keys says of itself, asked now.
    ///
    /// # Errors
    ///
    /// Fails when it is not known which servers there are.
    pub async fn nodes(&self) -> Result<Vec<NodeInfo>> {
        self.0.store.run(&inspect::FetchNodes).await
    }

    /// What else the server tells when asked: settings, memory, users, cluster.
    ///
    /// It never fails: what may not be asked here is a fact.
    pub async fn inspect(&self) -> Inspection {
        Inspection::of(&self.0.store).await
    }

    /// Examines the server that `config` leads to: everything that health is judged from, what else it tells
    /// when asked, and what a stranger could do to it.
    ///
    /// It opens two connections of its own and tries to get in without the password, which the server notes
    /// in its ACL LOG; it is for operators, and not for every few seconds.
    ///
    /// It never fails: what may not be asked here is a fact, and a rule that nobody can see says so.
    ///
    /// ```
    /// use redstart_connection::{Config, Store};
    /// use redstart_monitor::{CheckVerdict, Monitor};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
    /// let config = Config::memory();
    /// let examination = Monitor::new(Store::lazy(&config)?).examine(&config).await;
    /// let disks = examination.checks.iter().find(|check| check.rule == "encryption-at-rest");
    /// assert!(disks.is_some_and(|check| check.verdict == CheckVerdict::Unseen));
    /// # Ok(()) }
    /// ```
    pub async fn examine(&self, config: &Config) -> Examination {
        let store = &self.0.store;
        let (inspection, exposure) = tokio::join!(self.inspect(), Exposure::probe(config, store));
        let mut facts = self.look().await.facts.clone();
        facts.examined = Some(Arc::new(Examined { inspection, exposure }));
        let own = self.0.rules.read().unwrap_or_else(PoisonError::into_inner);
        Examination::judge(facts, &own)
    }

    /// Who is connected to the server.
    pub async fn clients(&self) -> Told<ClientList> {
        Told::asked(self.0.store.run(&Ask(AskClients)).await)
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

    /// Takes a census of the keys, by which the health is judged until the next one.
    ///
    /// # Errors
    ///
    /// As [`Census::take`].
    pub async fn census(
        &self,
        plan: &CensusPlan,
        on_progress: impl FnMut(CensusProgress) + Send,
    ) -> Result<Arc<Census>> {
        let census = Arc::new(Census::take(&self.0.store, plan, on_progress).await?);
        let mut last = self.0.census.write().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::clone(&census));
        Ok(census)
    }

    /// The last census; none before the first.
    #[must_use]
    pub fn last_census(&self) -> Option<Arc<Census>> {
        self.0.census.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a census now and then, in the background, until the store is shut down.
    ///
    /// Answers whether the task was started, which needs a runtime. One process of a service is enough.
    #[must_use]
    pub fn take_census_every(&self, interval: Duration, plan: CensusPlan) -> bool {
        let monitor = self.clone();
        self.0.store.tasks().spawn("monitor.census", async move {
            loop {
                if let Err(error) = monitor.census(&plan, |_| {}).await {
                    tracing::debug!(%error, "the keys could not be counted");
                }
                tokio::time::sleep(interval).await;
            }
        })
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
        let beside =
            Beside { recorded: self.0.recorded.get().map(|read| read()), census: self.last_census() };
        let facts = state.finder.find(&self.0.store, beside).await;
        let health = self.judge(&facts);
        let before = state.last.as_ref().map_or(HealthStatus::Healthy, |(_, look)| look.health.status);
        if before != health.status {
            let issues: Vec<_> = health.issues.iter().map(|issue| issue.rule).collect();
            tracing::info!(status = ?health.status, score = health.score, ?issues, "health of redis changed");
        }
        let look = Arc::new(Look { facts, health });
        state.last = Some((self.0.store.clock().instant(), Arc::clone(&look)));
        look
    }

    fn judge(&self, facts: &Facts) -> Health {
        let own = self.0.rules.read().unwrap_or_else(PoisonError::into_inner);
        Health::judge_by(rules().iter().chain(own.iter()), facts, Rfc3339::from(facts.now))
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("store", &self.0.store.describe()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
