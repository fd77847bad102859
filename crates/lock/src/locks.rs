//! The handle from which locks are asked for.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics::counter;
use redstart_connection::{Clock, Loss, Operation, Store, names};
use redstart_keys::Key;

use crate::{
    Election, LockError, LockRequest, MultiRequest, OnceEvery,
    claim::Kind,
    closing::Closing,
    guard::Held,
    inbox::Inbox,
    janitor::Janitor,
    operations::{INSTANCE, Keeping, Keeps, Share, Token},
    queue::Queues,
    ways::Ways,
};

/// Characters of a process's name that are kept.
const LONGEST_NAME: usize = 64;

/// Locks that hold across processes.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_lock::Locks;
///
/// const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_lock::LockError> {
/// let locks = Locks::new(Store::memory());
/// let paid = locks.lock(&PAYOUT.key(&7)).with(|lease| async move { lease.fence() }).await?;
/// let again = locks.lock(&PAYOUT.key(&7)).with(|lease| async move { lease.fence() }).await?;
/// assert!(paid < again);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Locks(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) queues: Queues,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) janitor: Arc<Janitor>,
    pub(crate) ways: Arc<Ways>,
    instance: String,
    name: String,
    attempts: AtomicU64,
    held: Mutex<HashMap<u64, Arc<Held>>>,
    pub(crate) closing: Closing,
    is_looked_at: AtomicBool,
}

impl Locks {
    /// Locks kept in `store`; all of a process should come from clones of one handle.
    ///
    /// Others see the process id as the owner of what this holds.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self::named(store, &format!("pid {}", std::process::id()))
    }

    /// The same under a name by which people know this process, such as that of its host; at most 64
    /// characters of it are kept, and no control characters.
    #[must_use]
    pub fn named(store: Store, name: &str) -> Self {
        let instance = instance();
        let inbox = Inbox::new(store.clone(), instance.clone());
        let queues = Queues::default();
        let ways = Arc::new(Ways::new(store.clone(), queues.clone()));
        let inner = Arc::new(Inner {
            janitor: Janitor::new(store.clone(), Arc::clone(&ways), Arc::clone(&inbox)),
            queues,
            inbox,
            ways,
            instance,
            name: name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect(),
            attempts: AtomicU64::new(0),
            held: Mutex::default(),
            closing: Closing::default(),
            is_looked_at: AtomicBool::new(false),
            store,
        });
        let weak = Arc::downgrade(&inner);
        inner.store.on_shutdown(move || {
            Box::pin(async move {
                if let Some(inner) = weak.upgrade() {
                    inner.close().await;
                }
            })
        });
        Self(inner)
    }

    /// The name of this process, as others see it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Asks for the lock of this key, which one holds alone.
    pub fn lock(&self, key: &Key) -> LockRequest {
        LockRequest::new(self.clone(), key.clone(), Kind::Whole { is_fair: false })
    }

    /// Asks for one of `permits` that this key has: so many hold one at the same time.
    ///
    /// Everybody should name the same number; who names a smaller one finds none left sooner. The key's
    /// [lock](Self::lock) is another matter, and so are its readers and writers.
    pub fn permit(&self, key: &Key, permits: NonZeroU32) -> LockRequest {
        LockRequest::new(self.clone(), permits_of(key), Kind::Shared(Share::Permit { of: permits.get() }))
    }

    /// Asks to read what this key stands for: beside other readers, but not while anybody writes.
    ///
    /// A writer who waits is served before readers who came later.
    pub fn read(&self, key: &Key) -> LockRequest {
        LockRequest::new(self.clone(), readers_of(key), Kind::Shared(Share::Read))
    }

    /// Asks to write what this key stands for: alone.
    pub fn write(&self, key: &Key) -> LockRequest {
        LockRequest::new(self.clone(), readers_of(key), Kind::Shared(Share::Write))
    }

    /// Asks for the locks of several keys: all of them or none.
    pub fn all<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> MultiRequest {
        MultiRequest::new(self, keys)
    }

    /// An office that one process holds at a time.
    #[must_use]
    pub fn election(&self, key: &Key) -> Election {
        Election::new(self.clone(), key.clone())
    }

    /// A job that one process runs in each period.
    #[must_use]
    pub fn once_every(&self, key: &Key, period: Duration) -> OnceEvery {
        OnceEvery::new(self.clone(), key.clone(), period)
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.0.store.clock()
    }

    pub(crate) async fn run<O: Operation>(&self, operation: &O) -> Result<O::Output, LockError> {
        self.0.store.run(operation).await.map_err(LockError::Unavailable)
    }
}

impl Inner {
    /// A token that no other attempt of any process uses.
    pub(crate) fn token(&self) -> (u64, Token) {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        (attempt, Token::of_attempt(&self.instance, attempt, &self.name))
    }

    /// Looks once, in the background, whether the server keeps what it grants.
    pub(crate) fn look_at_server(&self) {
        if self.is_looked_at.swap(true, Ordering::AcqRel) || self.store.is_memory() {
            return;
        }
        self.store.rely_on_keeping();
        let store = self.store.clone();
        self.store.tasks().spawn("lock server check", async move {
            if let Ok(Keeping::Evicts { policy }) = store.run(&Keeps::default()).await {
                tracing::warn!(
                    policy,
                    "the server may throw locks out when its memory is full: \
                     set maxmemory-policy to noeviction, or keep locks on another server"
                );
                counter!(names::LOCK_EVICTING).increment(1);
            }
        });
    }

    pub(crate) fn register(&self, held: &Arc<Held>) {
        self.held().insert(held.id, Arc::clone(held));
    }

    pub(crate) fn forget(&self, held: &Held) {
        self.held().remove(&held.id);
        self.closing.note_given_back();
    }

    /// Tells all holders that their lock is lost and all who wait that they get none, lets them end, and releases
    /// what is left.
    async fn close(&self) {
        self.queues.close();
        self.closing.begin();
        for held in self.held().values() {
            held.kept.end(Loss::Shutdown);
        }
        if !self.closing.ended(|| self.held().is_empty()).await {
            tracing::warn!(
                "locks are released under holders and requests that did not end with the shutdown"
            );
        }
        let left: Vec<Arc<Held>> = self.held().drain().map(|(_, held)| held).collect();
        for held in left {
            if let Err(error) = held.give_back(self).await {
                tracing::warn!(lock = held.claim.lock.entity_name(), %error, "a lock could not be released at the shutdown");
            }
        }
        self.janitor.drain().await;
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, HashMap<u64, Arc<Held>>> {
        // Every change under this lock is complete before anything could panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inbox.close();
        self.janitor.close();
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("store", &self.store)
            .field("held", &self.held().len())
            .finish_non_exhaustive()
    }
}

/// Under which name the permits of a key are kept.
pub(crate) fn permits_of(key: &Key) -> Key {
    key.companion("permits")
}

/// Under which name the readers and writers of a key are kept.
pub(crate) fn readers_of(key: &Key) -> Key {
    key.companion("readers")
}

/// 128 bits that tell this handle from all others, six in each character.
fn instance() -> String {
    // None that would be escaped in a name, and no dash, which ends this part of a token.
    const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    // Each is keyed by the system's randomness; what is hashed does not matter.
    let random = || u128::from(RandomState::new().hash_one(0_u8));
    let bits = random() << 64 | random();
    let digit = |at: usize| DIGITS[usize::try_from(bits >> (6 * at) & 63).unwrap_or_default()];
    (0..INSTANCE).map(|at| char::from(digit(at))).collect()
}
