//! Limits on how many work at the same time.

use std::{fmt, time::Duration};

use redstart_connection::{Kept, Loss, Renewal, Result, Store, Validity};
use redstart_keys::{Category, Entity, Ttl};

use crate::{OnOutage, Subject, operations::Hold};

/// For how long a place outlives a holder that has crashed, unless the limit says otherwise.
const LEASE: Duration = Duration::from_secs(30);

/// How many may work at the same time, for each subject.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_ratelimit::{Concurrency, Entry, Places};
///
/// const EXPORTS: Concurrency = Concurrency::new("running-exports", 1);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_connection::Error> {
/// let places = Places::new(Store::memory());
/// let Entry::Entered(place) = places.enter(&EXPORTS, "ada").await? else { panic!("nobody is in") };
/// assert!(matches!(places.enter(&EXPORTS, "ada").await?, Entry::Full { .. }));
///
/// place.leave().await?;
/// assert!(matches!(places.enter(&EXPORTS, "ada").await?, Entry::Entered(_)));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Concurrency {
    entity: Entity<Subject>,
    places: u32,
    lease: Duration,
    on_outage: OnOutage,
}

/// The places of one store.
#[derive(Clone, Debug)]
pub struct Places {
    store: Store,
    /// The places of this process alone, for the time when the store does not answer.
    local: Store,
    least_ttl: Ttl,
}

/// Whether somebody may begin.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Entry {
    /// A place was free, and is held as long as this lives.
    Entered(Place),
    /// All places are held.
    Full {
        /// Time until the first lease ends, if its holder has crashed; a place may come free earlier.
        retry_after: Duration,
    },
}

/// A place, held and renewed until it is dropped.
#[must_use = "dropping this gives the place back"]
pub struct Place {
    held: Option<Held>,
}

struct Held {
    store: Store,
    hold: Hold,
    kept: Kept,
}

impl Concurrency {
    /// So many at the same time.
    ///
    /// # Panics
    ///
    /// Panics on a name that cannot stand in a key; in a constant the compiler says so.
    #[must_use]
    pub const fn new(name: &'static str, places: u32) -> Self {
        let entity = Entity::new(Category::RateLimit, name).ttl(Ttl::hours(1));
        Self { entity, places, lease: LEASE, on_outage: OnOutage::Local { share: 1.0 } }
    }

    /// For how long a place outlives a holder that has crashed, at least a millisecond. Defaults to
    /// 30 seconds. Everybody must say the same.
    ///
    /// # Panics
    ///
    /// Panics on less than a millisecond; in a constant the compiler says so.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        assert!(1 <= lease.as_millis(), "a lease is at least a millisecond");
        self.lease = lease;
        self
    }

    /// Says what holds while the store does not answer. Defaults to counting in this process.
    #[must_use]
    pub const fn on_outage(mut self, rule: OnOutage) -> Self {
        self.on_outage = rule;
        self
    }

    /// Keeps the subjects to ourselves: only a keyed digest reaches the server, logs and metrics.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.entity = self.entity.sensitive();
        self
    }

    /// How many may work at the same time.
    #[must_use]
    pub const fn places(&self) -> u32 {
        self.places
    }

    /// For how long a place outlives a holder that has crashed.
    #[must_use]
    pub const fn lease_time(&self) -> Duration {
        self.lease
    }

    /// The declaration of its keys, for catalogues.
    #[must_use]
    pub const fn entity(&self) -> &Entity<Subject> {
        &self.entity
    }
}

impl Places {
    /// Places that `store` counts.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let local = Store::memory_with(store.clock().clone());
        let least_ttl = Ttl::new(store.least_limit_ttl()).unwrap_or(Ttl::hours(1));
        Self { store, local, least_ttl }
    }

    /// Takes a place, if one is free.
    ///
    /// # Errors
    ///
    /// Fails only when the store does not answer and the outage rule could not decide either.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway a place may be taken; it comes free when its lease ends.
    pub async fn enter(&self, limit: &Concurrency, subject: impl Into<Subject>) -> Result<Entry> {
        let subject = subject.into();
        match self.enter_at(&self.store, limit, &subject).await {
            Err(error) if !self.store.is_memory() => {
                tracing::debug!(%error, "a concurrency limit is decided by its outage rule");
                self.without_store(limit, &subject).await
            }
            answer => answer,
        }
    }

    async fn without_store(&self, limit: &Concurrency, subject: &Subject) -> Result<Entry> {
        match limit.on_outage {
            OnOutage::Local { share } => {
                let shared = Concurrency { places: crate::policy::share_of(limit.places, share), ..*limit };
                self.enter_at(&self.local, &shared, subject).await
            }
            OnOutage::Allow => Ok(Entry::Entered(Place { held: None })),
            OnOutage::Deny => Ok(Entry::Full { retry_after: Duration::from_secs(1) }),
        }
    }

    async fn enter_at(&self, store: &Store, limit: &Concurrency, subject: &Subject) -> Result<Entry> {
        // Below 2^53: in Redis it is compared as a text, but it must never be read as a fraction.
        let token = fastrand::u64(1..1 << 53);
        let hold = Hold::enter(limit, subject, token, self.least_ttl);
        let sent_at = store.clock().instant();
        let holding = store.run(&hold).await?;
        if !holding.is_held {
            return Ok(Entry::Full { retry_after: holding.retry_after.unwrap_or(limit.lease) });
        }
        let (renewing, stay) = (store.clone(), hold.stay());
        let ttl = Ttl::new(limit.lease).unwrap_or(Ttl::millis(1));
        let kept = store.renewer().keep(ttl, sent_at, move || {
            let (store, stay) = (renewing.clone(), stay.clone());
            Box::pin(async move {
                match store.run(&stay).await {
                    Ok(holding) if holding.is_held => Renewal::Kept,
                    Ok(_) => Renewal::Lost,
                    Err(_) => Renewal::Unknown,
                }
            })
        });
        Ok(Entry::Entered(Place { held: Some(Held { store: store.clone(), hold, kept }) }))
    }
}

impl Place {
    /// Whether the place is certainly held; none if nobody counts, by an outage rule.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.held.as_ref().map(|held| held.kept.validity())
    }

    /// Gives the place back, and waits for the answer.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; the place comes free when its lease ends.
    pub async fn leave(mut self) -> Result<()> {
        let Some(Held { store, hold, kept }) = self.held.take() else { return Ok(()) };
        kept.end(Loss::Released);
        store.run(&hold.leave()).await.map(drop)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(Held { store, hold, kept }) = self.held.take() else { return };
        kept.end(Loss::Released);
        let leaving = store.clone();
        // Without a runtime it comes free when its lease ends.
        let leave = async move { drop(leaving.run(&hold.leave()).await) };
        store.tasks().spawn("place left", leave);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("validity", &self.validity()).finish()
    }
}
