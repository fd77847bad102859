//! The store: a cheap handle on Redis, or on memory.

mod answer;
mod reliance;
mod shared;
mod shutdown;

use std::{fmt, sync::Arc, time::Duration};

use redstart_keys::{DigestKey, Key, Prefix};

pub(crate) use self::answer::WeakStore;
pub use self::{
    answer::{Answer, By},
    shutdown::Shutdown,
};
use self::{shared::Shared, shutdown::Hooks};
use crate::{
    Capabilities, Clock, Cmd, Config, ConfigError, Effect, Error, ErrorKind, Events, Memory, Operation,
    Outage, Redis, Renewer, Result, Status, Tasks, Timestamp, Value,
    door::{Door, InFlight, Reach},
    events::Announcer,
    redis::{IN_FLIGHT, Link, Route},
    telemetry,
};

/// A handle on the store: Redis, or the embedded one in memory.
///
/// Clones share everything. A store belongs to no runtime: it connects lazily, on whichever runtime
/// the first call comes, and again after that runtime has ended.
///
/// # Limits
///
/// At most 512 commands are in flight on each lane and 4,096 calls wait for one; what comes on top
/// gets [`ErrorKind::Overloaded`] at once.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    reach: Reach,
}

struct Inner {
    place: Place,
    mode: &'static str,
    description: String,
    prefix: Prefix,
    digest: DigestKey,
    least_limit_ttl: Duration,
    pool_utilization_threshold: u8,
    clock: Clock,
    tasks: Tasks,
    announcer: Announcer,
    renewer: Renewer,
    calls: InFlight,
    hooks: Hooks,
    shared: Shared,
}

impl Inner {
    #[inline]
    fn on_memory<O: Operation>(&self, memory: &Memory, operation: &O) -> Result<O::Output> {
        let _under_way = self.calls.step().map_err(|error| error.in_operation(O::NAME))?;
        let step = || operation.on_memory(memory, self.clock.of_step());
        let outcome = |result: &Result<O::Output>| outcome::<O>(result.as_ref());
        telemetry::record_embedded(O::NAME, &self.clock, outcome, step)
            .map_err(|error| error.in_operation(O::NAME))
    }
}

impl Drop for Inner {
    /// The last handle is gone: without it nobody can ask for what the tasks still do.
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

/// Where the state lives.
enum Place {
    Memory(Memory),
    Redis(Door),
}

impl Store {
    /// The embedded store: everything lives in this process, nothing is needed.
    #[must_use]
    pub fn memory() -> Self {
        Self::memory_with(Clock::system())
    }

    /// The embedded store with a clock of one's own, for tests.
    #[must_use]
    pub fn memory_with(clock: Clock) -> Self {
        let place = Place::Memory(Memory::new(&clock));
        Self::assemble(place, &Config::memory(), clock, Tasks::new(), Announcer::new())
    }

    /// Connects now, and fails when that fails.
    ///
    /// # Errors
    ///
    /// Fails when the configuration is wrong or no connection comes up within the handshake's time.
    pub async fn connect(config: &Config) -> Result<Self> {
        let handshake = config.handshake_timeout;
        let store = Self::lazy(config)?;
        if let Place::Redis(door) = &store.inner.place {
            let connected = tokio::time::timeout(handshake, async {
                loop {
                    match reach(&door.link).await {
                        Ok(()) => return Ok(()),
                        Err(error) if error.kind() == ErrorKind::Unavailable && !is_down(&door.link) => {}
                        Err(error) => return Err(error),
                    }
                }
            });
            connected
                .await
                .unwrap_or_else(|_| Err(Error::unavailable(format!("no connection within {handshake:?}"))))?;
        }
        Ok(store)
    }

    /// Connects at the first call.
    ///
    /// # Errors
    ///
    /// Fails when the configuration is wrong.
    pub fn lazy(config: &Config) -> Result<Self> {
        Self::lazy_with(config, Clock::system())
    }

    /// Connects at the first call; scripts take the time from `clock`, for tests.
    ///
    /// # Errors
    ///
    /// Fails when the configuration is wrong.
    pub fn lazy_with(config: &Config, clock: Clock) -> Result<Self> {
        config.validate().map_err(|problems| {
            Error::new(ErrorKind::Config, crate::Certainty::NotSent, problems.to_string())
        })?;
        config.log_warnings();
        let (tasks, announcer) = (Tasks::new(), Announcer::new());
        let place = if config.is_memory() {
            Place::Memory(Memory::new(&clock))
        } else {
            let link = Link::new(config, clock.clone(), tasks.clone(), announcer.clone())?;
            Place::Redis(Door::new(Arc::new(link)))
        };
        Ok(Self::assemble(place, config, clock, tasks, announcer))
    }

    /// The store that the environment describes: the embedded one when it names no server.
    ///
    /// ```
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let store = redstart_connection::Store::from_env()?;
    /// println!("running on {}", store.describe());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with all problems of the environment at once.
    pub fn from_env() -> Result<Self, ConfigError> {
        let config = Config::from_env()?;
        Self::lazy(&config).map_err(|error| {
            ConfigError::one("REDIS_URL", error.to_string(), "an address like redis://127.0.0.1:6379")
        })
    }

    fn assemble(place: Place, config: &Config, clock: Clock, tasks: Tasks, announcer: Announcer) -> Self {
        // Memory keeps nobody waiting.
        let within = if config.is_memory() { Duration::MAX } else { config.command_timeout };
        let renewer = Renewer::new(tasks.clone(), clock.clone());
        let calls = InFlight::default();
        let hooks = Hooks::default();
        let shared = Shared::default();
        let store = Self {
            inner: Arc::new(Inner {
                place,
                mode: config.mode.name(),
                description: config.describe(),
                prefix: config.prefix.clone(),
                digest: config.digest_key(),
                least_limit_ttl: config.least_limit_ttl,
                pool_utilization_threshold: config.pool_utilization_threshold,
                clock,
                tasks,
                announcer,
                renewer,
                calls,
                hooks,
                shared,
            }),
            reach: Reach { within, direct: false },
        };
        store.keep_servers();
        store
    }

    /// Carries out one operation.
    ///
    /// This is the only place that knows where the state lives. The deadline, the retries, the span and
    /// the metric of every operation are made here and in the door behind it.
    ///
    /// # Errors
    ///
    /// Fails with the error of the last attempt; [`Error::certainty`] says whether the work may have
    /// been done. It returns within the store's deadline.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the operation may have been carried out.
    pub async fn run<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        self.ask(operation).await.map(|answer| answer.output)
    }

    /// Carries out one operation, and tells who answered.
    ///
    /// # Errors
    ///
    /// As [`Store::run`].
    ///
    /// # Cancel safety
    ///
    /// As [`Store::run`].
    pub async fn ask<O: Operation>(&self, operation: &O) -> Result<Answer<O::Output>> {
        let inner = &*self.inner;
        let door = match &inner.place {
            Place::Memory(memory) => {
                let result = inner.on_memory(memory, operation);
                return result.map(|output| Answer { output, by: By::Memory });
            }
            Place::Redis(door) => door,
        };
        let _call = inner.calls.enter().map_err(|error| error.in_operation(O::NAME))?;
        let started = inner.clock.instant();
        // Named as OpenTelemetry's conventions for databases name them, so that a bridge passes them on.
        let span = tracing::debug_span!(
            "redis",
            operation = O::NAME,
            otel.name = O::NAME,
            otel.kind = "client",
            db.system.name = "redis",
            db.operation.name = O::NAME,
            "error.type" = tracing::field::Empty,
        );
        let result = if span.is_disabled() {
            self.through(door, operation).await
        } else {
            let result = tracing::Instrument::instrument(self.through(door, operation), span.clone()).await;
            if let Err(error) = &result {
                span.record("error.type", error.kind().name());
            }
            result
        };
        let outcome = outcome::<O>(result.as_ref().map(|answer| &answer.output));
        telemetry::record(O::NAME, outcome, inner.clock.instant().saturating_duration_since(started));
        result.map_err(|error| error.in_operation(O::NAME))
    }

    /// Carries out one operation on the embedded store, which keeps nobody waiting; none where there is a
    /// server to ask.
    ///
    /// It is [`Store::run`] without a future, for steps so small that one would be noticed.
    ///
    /// # Errors
    ///
    /// As [`Store::run`].
    #[inline]
    pub fn run_embedded<O: Operation>(&self, operation: &O) -> Option<Result<O::Output>> {
        let memory = self.embedded()?;
        Some(self.inner.on_memory(memory, operation))
    }

    /// Sends any command; the escape hatch for what the toolkit has no operation for.
    ///
    /// It is never sent twice.
    ///
    /// # Errors
    ///
    /// As [`Store::run`]; [`ErrorKind::Unsupported`] on the embedded store.
    pub async fn command(&self, cmd: Cmd) -> Result<Value> {
        self.run(&Command(cmd)).await
    }

    /// The same store with a deadline for each call; nested handles take the smaller one.
    #[must_use]
    pub fn within(&self, deadline: Duration) -> Self {
        let reach = Reach { within: self.reach.within.min(deadline), ..self.reach };
        Self { inner: Arc::clone(&self.inner), reach }
    }

    /// The deadline of each call of this handle.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.reach.within
    }

    /// Subscribes to what happens to the connection from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.inner.announcer.subscribe()
    }

    /// Whether everything lives in this process.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        matches!(self.inner.place, Place::Memory(_))
    }

    /// The prefix of all names on the server.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.inner.prefix
    }

    /// The clock that everything stored follows.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The background tasks of this store.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// The renewer of all leases of this store.
    #[must_use]
    pub fn renewer(&self) -> &Renewer {
        &self.inner.renewer
    }

    /// Where the state lives, for people: an address without secrets, or `memory`.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.inner.description
    }

    /// The name by which the server knows `key`: with the prefix, and with a digest in place of a
    /// sensitive id.
    ///
    /// ```
    /// use redstart_connection::Store;
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    /// assert_eq!(Store::memory().name_of(&USER.key(&42)), b"cache:user:{42}");
    /// ```
    #[must_use]
    pub fn name_of(&self, key: &Key) -> Vec<u8> {
        let mut name = Vec::with_capacity(64);
        key.render(&self.inner.prefix, &self.inner.digest, &mut name);
        name
    }

    /// How long what a limit has counted is kept at least, as [`Config::with_least_limit_ttl`] says.
    #[must_use]
    pub fn least_limit_ttl(&self) -> Duration {
        self.inner.least_limit_ttl
    }

    /// A snapshot of the connections.
    #[must_use]
    pub fn status(&self) -> Status {
        let Place::Redis(Door { link, .. }) = &self.inner.place else {
            return Status { mode: "memory", in_flight: self.inner.calls.count(), ..Status::default() };
        };
        let nodes = link.nodes();
        let mut status = Status {
            mode: self.inner.mode,
            utilization_threshold: self.inner.pool_utilization_threshold,
            relies_on_keeping: self.relies_on_keeping(),
            certificate_end: link.common.dialer.first_certificate_end(),
            ..Status::default()
        };
        (status.connections, status.connections_max) = link.common.dialer.connections();
        for node in &nodes {
            status.breaker = status.breaker.max(node.breaker.state());
            node.exclusive.status(&mut status);
            status.stood_in += node.away.total();
            for lane in node.lanes.iter().filter(|lane| lane.is_in_use()) {
                status.lanes += 1;
                status.connected += usize::from(lane.is_live());
                status.in_flight += lane.in_flight();
                status.waiting += lane.waiting();
            }
        }
        status.permits = status.lanes * IN_FLIGHT;
        let cause = nodes.iter().find_map(|node| node.down()).map(|error| error.to_string());
        status.last_error = cause.or_else(|| link.cluster_error()).filter(|_| status.connected == 0);
        if let Route::Rest(rest) = &link.route {
            rest.status(&mut status);
        }
        status
    }

    /// What the server is, as far as it has told; none before the first connection and on the embedded store.
    #[must_use]
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.link()?.common.capabilities.load().as_deref().cloned()
    }

    pub(crate) fn embedded(&self) -> Option<&Memory> {
        match &self.inner.place {
            Place::Memory(memory) => Some(memory),
            Place::Redis(_) => None,
        }
    }

    pub(crate) fn link(&self) -> Option<&Arc<Link>> {
        match &self.inner.place {
            Place::Memory(_) => None,
            Place::Redis(door) => Some(&door.link),
        }
    }
}

/// Waits for a connection that an ordinary command could use.
async fn reach(link: &Link) -> Result<()> {
    if let Route::Rest(rest) = &link.route {
        return rest.greet().await;
    }
    let node = link.node(None, false).await?;
    node.lane_in_turn().await.map(drop)
}

fn is_down(link: &Link) -> bool {
    let nodes = link.nodes();
    matches!(link.route, Route::Rest(_))
        || link.cluster_error().is_some()
        || nodes.iter().any(|node| node.down().is_some())
}

/// The label of the metric.
fn outcome<O: Operation>(result: Result<&O::Output, &Error>) -> &'static str {
    match result {
        Ok(output) => O::outcome(output),
        Err(error) => error.kind().name(),
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("place", &self.inner.description)
            .field("within", &self.reach.within)
            .finish()
    }
}

/// Any command, as an operation.
struct Command(Cmd);

impl Operation for Command {
    type Output = Value;
    const NAME: &'static str = "store.command";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Value) -> &'static str {
        "ok"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Value> {
        redis.send(self.0.clone()).await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Value> {
        Err(Error::unsupported(format!("{} needs a server; the embedded store has none", self.0.name())))
    }
}

#[cfg(test)]
mod tests;
