//! Tokens of others that may be shown once.

use std::fmt;

use redstart_connection::{Error, Store, Timestamp};
use redstart_keys::{Entity, TextId, Ttl};

use crate::{
    Digest,
    operations::{FirstUse, Use},
};

/// Accepts a token that others have issued once: the guard against replay of the `jti` of a JWT.
///
/// A use is remembered until the token has ended and the allowed skew between clocks is over, by all
/// processes. Only what was verified may be noted: whoever could note made-up tokens would fill the store,
/// and could use up a token before its owner does.
///
/// While the store does not answer, nothing is accepted.
///
/// ```
/// use std::time::Duration;
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use redstart_state::{ReplayGuard, Use};
///
/// const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
/// let store = Store::memory();
/// let guard = ReplayGuard::new(&store, &JTI);
/// let expires_at = store.clock().now().saturating_add(Duration::from_secs(300));
/// assert_eq!(guard.first_use("https://issuer.example", "7f3c", expires_at).await?, Use::First);
/// assert_eq!(guard.first_use("https://issuer.example", "7f3c", expires_at).await?, Use::Replayed);
/// assert_eq!(guard.first_use("https://other.example", "7f3c", expires_at).await?, Use::First);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ReplayGuard {
    store: Store,
    entity: Entity<TextId>,
    skew: Ttl,
    at_most: Ttl,
}

impl ReplayGuard {
    /// A guard that notes uses in `store` under the keys of `entity`.
    ///
    /// Its TTL bounds how long a token may live: one that lives longer is not accepted, since it could be
    /// shown again when its use is forgotten. A day where it has none.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<TextId>) -> Self {
        let at_most = entity.ttl().unwrap_or(Ttl::days(1));
        Self { store: store.clone(), entity: *entity, skew: Ttl::seconds(60), at_most }
    }

    /// How long after its end a token is still accepted somewhere, for clocks that differ: the leeway of
    /// whoever verifies it. Defaults to 60 seconds.
    #[must_use]
    pub const fn with_skew(mut self, skew: Ttl) -> Self {
        self.skew = skew;
        self
    }

    /// Notes the use of a token that was verified, and tells whether it was the first.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer: the token must be refused then.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the token may be used up.
    pub async fn first_use(&self, issuer: &str, jti: &str, expires_at: Timestamp) -> Result<Use, Error> {
        let id = Digest::of(&[issuer.as_bytes(), jti.as_bytes()]).id();
        let until = expires_at.saturating_add(self.skew.as_duration());
        let at_most = self.at_most.as_duration().saturating_add(self.skew.as_duration());
        let at_most = Ttl::new(at_most).unwrap_or(self.at_most);
        self.store.run(&FirstUse::new(self.entity.key(&id), until, at_most)).await
    }
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayGuard({:?}, skew {})", self.entity, self.skew)
    }
}
