//! Calls on a store, through the toolkit.

use std::{convert::Infallible, time::Duration};

use redstart_cache::{Cache, L1, sweep};
use redstart_connection::{Cmd, Config, Error, Result, Store};
use redstart_keys::{Category, Entity, Pattern, Ttl};
use redstart_lock::{LockError, Locks};
use redstart_monitor::{Monitor, Ping};
use redstart_ratelimit::{Limiter, Policy, Source};

use super::{Answer, Work};
use crate::load::{
    choice::{Choice, Sizes},
    mix::Step,
};

/// Everything that a load writes goes by itself soon after it, also when nobody is left to clean up.
const LIFETIME: Ttl = Ttl::minutes(15);
const VALUE: Entity<u64> = Entity::new(Category::Cache, "value").ttl(LIFETIME);
const PAGE: Entity<u64> = Entity::new(Category::Cache, "page").ttl(LIFETIME);
const COUNT: Entity<u64> = Entity::new(Category::Counter, "count").ttl(LIFETIME);
const LOCK: Entity<u64> = Entity::new(Category::Lock, "lock").ttl(Ttl::seconds(10));
/// The limit of each subject, which the hottest keys of a skewed load exceed.
const LIMIT: Policy = Policy::per_second("load", 100);

/// How many values an `mget` asks for.
const BATCH: u64 = 10;
/// How many values are stored in one call when the keys are filled.
const FILLED_AT_ONCE: u64 = 250;

/// Steps on a store: caches, limits and locks of the toolkit, under a prefix of their own.
#[derive(Debug)]
pub struct StoreWork {
    store: Store,
    steps: Vec<(Step, f64)>,
    keys: u64,
    values: Cache<u64, String>,
    pages: Cache<u64, String>,
    limiter: Limiter,
    locks: Locks,
    /// What values are cut from.
    text: String,
}

impl StoreWork {
    /// A store for a load: under `redstart-load` behind the prefix of `config`, so that it touches nothing
    /// that a service has stored.
    ///
    /// # Errors
    ///
    /// Fails when the configuration is wrong.
    pub fn store(config: &Config) -> Result<Store> {
        let prefix = Store::lazy(config)?.prefix().to_string();
        let below = if prefix.is_empty() { PREFIX.to_owned() } else { format!("{prefix}:{PREFIX}") };
        let config = config.clone().with_prefix(&below);
        Store::lazy(&config.map_err(|wrong| Error::protocol(wrong.to_string()))?)
    }

    /// Steps with their weights on this store over so many keys, with values of at most this size.
    #[must_use]
    pub fn new(store: &Store, steps: &[(Step, f64)], keys: u64, sizes: Sizes) -> Self {
        let mut random = fastrand::Rng::with_seed(keys);
        Self {
            store: store.clone(),
            steps: steps.to_vec(),
            keys,
            values: Cache::builder(store, &VALUE).l1(L1::off()).build(),
            pages: Cache::new(store, &PAGE),
            limiter: Limiter::new(store.clone()),
            locks: Locks::new(store.clone()),
            text: (0..sizes.most).map(|_| random.alphanumeric()).collect(),
        }
    }

    /// Fills the keys that are read, and tells after each step how many are there.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn fill(&self, size: usize, mut on_progress: impl FnMut(u64)) -> Result<()> {
        if !self.steps.iter().any(|(step, _)| step.reads()) {
            return Ok(());
        }
        let value = self.value(size);
        for begin in (0..self.keys).step_by(usize::try_from(FILLED_AT_ONCE).unwrap_or(1)) {
            let ids: Vec<u64> = (begin..self.keys.min(begin + FILLED_AT_ONCE)).collect();
            let load = |missing: Vec<u64>| {
                let value = value.clone();
                async move { Ok::<_, Infallible>(missing.into_iter().map(|id| (id, value.clone())).collect()) }
            };
            // The loader answers even when the store takes nothing, so the store is asked too.
            let _filled = Box::pin(self.values.get_many_or_load(&ids, load)).await;
            self.store.run(&Ping::default()).await?;
            on_progress(begin + FILLED_AT_ONCE);
        }
        Ok(())
    }

    /// Shuts the store of the load down, and removes everything that loads have stored there; `config` is
    /// what [`StoreWork::store`] was given.
    ///
    /// # Errors
    ///
    /// Fails when the store does; what is left goes by itself within a day.
    pub async fn clean_up(&self, config: &Config) -> Result<()> {
        // Whatever still goes on behind the load has to end first, or it would write behind the sweep.
        let _shutdown = self.store.shutdown(SHUTDOWN).await;
        Self::sweep(config).await
    }

    /// Removes everything that loads have stored on the server of `config`.
    ///
    /// # Errors
    ///
    /// Fails when the store does; what is left goes by itself within a day.
    pub async fn sweep(config: &Config) -> Result<()> {
        let store = Self::store(config)?.within(SCAN);
        if store.is_memory() {
            return Ok(());
        }
        sweep(&store, &Pattern::all()).await?;
        // What the caches say to each other of the sweep stays behind it.
        for key in Monitor::new(store.clone()).keys(&Pattern::all(), REST).await?.keys {
            let name = format!("{}:{}", store.prefix(), key.name);
            store.command(Cmd::new("UNLINK").name_on_server(name)).await?;
        }
        Ok(())
    }

    fn value(&self, size: usize) -> String {
        self.text[..size.min(self.text.len())].to_owned()
    }

    async fn get(&self, id: u64) -> Answer {
        match self.values.get(&id).await {
            Ok(Some(_)) => Answer::Hit,
            Ok(None) => Answer::Miss,
            Err(error) => failed(&error),
        }
    }

    async fn get_many(&self, first: u64) -> Answer {
        let ids: Vec<u64> = (0..BATCH.min(self.keys)).map(|nth| (first + nth) % self.keys).collect();
        let load = |missing: Vec<u64>| async move {
            // What is missing stays missing: this reads, and loads nothing.
            Ok::<Vec<(u64, String)>, Infallible>(
                missing.into_iter().take(0).map(|id| (id, String::new())).collect(),
            )
        };
        let batch = Box::pin(self.values.get_many_or_load(&ids, load)).await;
        if batch.found().len() == ids.len() { Answer::Hit } else { Answer::Miss }
    }

    async fn get_or_load(&self, id: u64, size: usize) -> Answer {
        let load = || async move { Ok::<_, Infallible>(Some(self.value(size))) };
        match self.pages.get_or_load(&id, load).await {
            Ok(Some(page)) if page.is_hit() => Answer::Hit,
            Ok(_) => Answer::Miss,
            Err(other) => Answer::Failed { class: "error", text: other.to_string() },
        }
    }

    async fn limit(&self, id: u64) -> Answer {
        let decision = self.limiter.check(&LIMIT, id).await;
        match decision.source() {
            // Nobody was asked: the outage rule answered, which is a failure of what is measured.
            source @ (Source::Unavailable | Source::Standby | Source::Overflow) => {
                Answer::Failed { class: "limiter", text: format!("decided by {}", source.name()) }
            }
            _ if decision.is_allowed() => Answer::Done,
            _ => Answer::Limited,
        }
    }

    async fn lock(&self, id: u64) -> Answer {
        let held = match self.locks.lock(&LOCK.key(&id)).wait(Duration::ZERO).acquire().await {
            Ok(guard) => guard.release().await.map(drop),
            // That another holds it is an answer.
            Err(LockError::Busy { .. } | LockError::TimedOut { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        match held {
            Ok(()) => Answer::Done,
            Err(LockError::Unavailable(error)) => failed(&error),
            Err(other) => Answer::Failed { class: "lock", text: other.to_string() },
        }
    }
}

/// How long what goes on in the background may take to end.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// How long one step of a scan of a large server may take.
const SCAN: Duration = Duration::from_secs(10);
/// More keys than a sweep leaves behind.
const REST: usize = 100;

/// What a load writes stands behind this, under the prefix of the configuration.
const PREFIX: &str = "redstart-load";

impl Work for StoreWork {
    fn steps(&self) -> Vec<String> {
        self.steps.iter().map(|(step, _)| step.name().to_owned()).collect()
    }

    fn weights(&self) -> Vec<f64> {
        self.steps.iter().map(|(_, weight)| *weight).collect()
    }

    async fn call(&self, Choice { step, key, size }: Choice) -> Answer {
        match self.steps[step].0 {
            Step::Ping => done(self.store.run(&Ping::default()).await),
            Step::Get => self.get(key).await,
            Step::Set => done(self.values.set(&key, &self.value(size)).await),
            Step::Mget => self.get_many(key).await,
            Step::Cache => self.get_or_load(key, size).await,
            Step::Incr => done(self.store.command(Cmd::new("INCR").key(&COUNT.key(&key))).await),
            Step::Limit => self.limit(key).await,
            Step::Lock => self.lock(key).await,
        }
    }

    fn exhausted(&self) -> u64 {
        self.store.status().exclusive_exhausted
    }
}

fn done<T>(result: Result<T>) -> Answer {
    result.map_or_else(|error| failed(&error), |_| Answer::Done)
}

fn failed(error: &Error) -> Answer {
    Answer::Failed { class: error.kind().name(), text: error.to_string() }
}
