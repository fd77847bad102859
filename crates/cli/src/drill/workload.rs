//! The work of a service: caches read and written, limits asked, a lock taken and given back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_cache::{Cache, L1};
use redstart_connection::{Clock, Config, Error, ErrorKind, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::{LockError, Locks};
use redstart_ratelimit::{Decision, Limiter, Policy, Source as By};
use tokio::time::sleep;

use super::{
    Behind, Service,
    record::{Call, Mark, Record},
    truth::{Gate, Holders, Source, VALUES},
};
use crate::Failure;

/// A key beside those of the lock and the limit, in the slot that they share.
pub(super) const NEIGHBOUR: &str = "{1}";
/// What the limit lets through in a period.
pub(super) const LIMIT: u32 = 50;
pub(super) const PERIOD: Duration = Duration::from_secs(1);

const VALUE: Entity<u64> = Entity::new(Category::Cache, "drill").ttl(Ttl::minutes(5));
const LOCK: Entity<u64> = Entity::new(Category::Lock, "drill").ttl(Ttl::minutes(1));
const LEASE: Ttl = Ttl::seconds(2);
const LOCK_WAIT: Duration = Duration::from_millis(300);
/// How old what a process shows from its own memory may be, with some room for a busy machine.
const GRACE: Duration = Duration::from_secs(3);
const PACE: Duration = Duration::from_millis(4);
const OUTAGE: Duration = Duration::from_secs(2);

/// All clients of a drill, at work until they are told to end.
pub(super) struct Workload {
    pub(super) seen: Arc<Books>,
    stores: Vec<Store>,
    ends: Arc<AtomicBool>,
}

/// What all clients write down.
#[derive(Debug)]
pub(super) struct Books {
    clock: Clock,
    started: Instant,
    pub(super) reads: Record,
    pub(super) writes: Record,
    pub(super) limits: Record,
    pub(super) locks: Record,
    pub(super) source: Source,
    pub(super) gate: Gate,
    pub(super) holders: Holders,
}

impl Workload {
    /// Starts `processes` clients, each with connections and memory of its own.
    pub(super) async fn start(config: &Config, service: &Service) -> Result<Self, Failure> {
        let clock = Clock::system();
        let seen = Arc::new(Books {
            started: clock.instant(),
            clock,
            reads: Record::default(),
            writes: Record::default(),
            limits: Record::default(),
            locks: Record::default(),
            source: Source::default(),
            gate: Gate::default(),
            holders: Holders::default(),
        });
        let ends = Arc::new(AtomicBool::new(false));
        let mut stores = Vec::new();
        for number in 0..service.processes {
            let store = Store::connect(config).await?;
            let client =
                Client { seen: Arc::clone(&seen), ends: Arc::clone(&ends), store: store.clone(), number };
            client.begin(service);
            stores.push(store);
        }
        Ok(Self { seen, stores, ends })
    }

    /// Ends all work.
    pub(super) async fn end(self) {
        self.ends.store(true, Ordering::SeqCst);
        for store in &self.stores {
            // What does not end in time is dropped with the store.
            let _shutdown = store.shutdown(OUTAGE).await;
        }
    }
}

impl Books {
    /// The time since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.started)
    }
}

/// One process of the service.
#[derive(Clone)]
struct Client {
    seen: Arc<Books>,
    ends: Arc<AtomicBool>,
    store: Store,
    number: u32,
}

impl Client {
    fn begin(&self, service: &Service) {
        // Both kinds are asked: one that keeps values in the process, one that asks the server each time.
        let l1 = if self.number.is_multiple_of(2) { L1::off() } else { L1::entries(1_000) };
        let cache = Cache::<u64, u64>::builder(&self.store, &VALUE).l1(l1).build();
        let limiter = Limiter::new(self.store.clone());
        let policy = Policy::per("drill", LIMIT, PERIOD).on_outage(service.on_outage());
        let locks = Locks::new(self.store.clone());
        let behind = service.cache;
        let tasks = self.store.tasks();
        for _ in 0..2 {
            tasks.spawn("drill.read", self.clone().read(cache.clone(), behind));
            tasks.spawn("drill.limit", self.clone().limit(limiter.clone(), policy));
            tasks.spawn("drill.lock", self.clone().lock(locks.clone()));
        }
        if self.number == 0 {
            tasks.spawn("drill.write", self.clone().write(cache));
        }
    }

    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::SeqCst)
    }

    fn note(&self, record: &Record, began: Duration, mark: Mark) {
        record.note(Call { began, ended: self.seen.now(), mark });
    }

    async fn read(self, cache: Cache<u64, u64>, behind: Behind) {
        let grace = if self.number.is_multiple_of(2) { Duration::ZERO } else { GRACE };
        let mut id = 0;
        while self.goes_on() {
            id = (id + 1) % VALUES as u64;
            let began = self.seen.now();
            let read = match behind {
                Behind::Loader => {
                    let load = || async { Ok::<_, Error>(Some(self.seen.source.version(id))) };
                    cache.get_or_load(&id, load).await.map_err(|_| "load")
                }
                Behind::Alone => cache.get(&id).await.map_err(|error| kind(error.kind())),
            };
            let mark = match &read {
                Ok(Some(cached)) if cached.source() == redstart_cache::Source::Standby => Mark::Fallback,
                Ok(_) => Mark::Served,
                Err(kind) => Mark::Failed(kind),
            };
            self.note(&self.seen.reads, began, mark);
            if let Ok(Some(cached)) = read {
                self.seen.source.seen(id, *cached.into_value(), began, grace);
            }
            sleep(PACE).await;
        }
    }

    async fn write(self, cache: Cache<u64, u64>) {
        let mut id = 0;
        while self.goes_on() {
            id = (id + 7) % VALUES as u64;
            let began = self.seen.now();
            let version = self.seen.source.replace(id);
            let applied = cache.invalidate(&id).await;
            let mark = match &applied {
                Ok(applied) if applied.published => Mark::Served,
                Ok(_) => Mark::Fallback,
                Err(error) => Mark::Failed(kind(error.kind())),
            };
            self.note(&self.seen.writes, began, mark);
            if mark == Mark::Served {
                self.seen.source.acknowledge(id, version, self.seen.now());
            }
            sleep(PACE * 3).await;
        }
    }

    async fn limit(self, limiter: Limiter, policy: Policy) {
        while self.goes_on() {
            let began = self.seen.now();
            let decision = limiter.check(&policy, 1_u64).await;
            self.note(&self.seen.limits, began, self.judge(&decision, began));
            sleep(PACE).await;
        }
    }

    fn judge(&self, decision: &Decision, began: Duration) -> Mark {
        let gate = &self.seen.gate;
        let (allowed, by) = (decision.is_allowed(), decision.source());
        if allowed {
            let ended = self.seen.now();
            gate.all.note(began, ended);
            if by == By::Redis {
                gate.by_server.note(began, ended);
            }
        } else {
            gate.refused.fetch_add(1, Ordering::SeqCst);
        }
        match by {
            By::Unavailable if allowed => gate.allowed_unasked.fetch_add(1, Ordering::SeqCst),
            By::Unavailable => gate.refused_unasked.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        match by {
            By::Standby | By::Unavailable => Mark::Fallback,
            _ => Mark::Served,
        }
    }

    async fn lock(self, locks: Locks) {
        let key = LOCK.key(&1);
        while self.goes_on() {
            let began = self.seen.now();
            let granted = locks.lock(&key).ttl(LEASE).wait(LOCK_WAIT).acquire().await;
            self.note(&self.seen.locks, began, granted.as_ref().map_or_else(mark, |_| Mark::Served));
            if let Ok(guard) = granted {
                let (fence, lease) = (guard.fence().get(), guard.lease());
                self.seen.holders.granted(fence, began, self.seen.now());
                for _ in 0..3 {
                    let at = self.seen.now();
                    if lease.is_valid() {
                        self.seen.holders.valid(fence, at);
                    }
                    sleep(PACE).await;
                }
                // It frees itself after its lease where this fails.
                let _released = guard.release().await;
            }
            sleep(PACE).await;
        }
    }
}

/// Who waited in vain was answered: another held the lock.
fn mark(error: &LockError) -> Mark {
    match error {
        LockError::Busy { .. } | LockError::TimedOut { .. } => Mark::Served,
        LockError::Unavailable(error) => Mark::Failed(kind(error.kind())),
        LockError::Lost { .. } => Mark::Failed("lost"),
        _ => Mark::Failed("other"),
    }
}

/// The kind of a failure as people read it.
fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Timeout => "timeout",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::Connection => "connection",
        ErrorKind::ReadOnly => "read-only",
        ErrorKind::Loading => "loading",
        ErrorKind::OutOfMemory => "out of memory",
        ErrorKind::Auth => "credentials",
        ErrorKind::Permission => "permission",
        _ => "other",
    }
}
