//! All queues of one server.

use std::{sync::Arc, time::Duration};

use redstart_connection::{Access, ErrorKind, Store};
use redstart_keys::{Category, Entity, Persistence};

use crate::{JobsError, Queue, library, line::Line};

/// The queues on the server of one store.
///
/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Jobs {
    store: Store,
    prefix: Arc<str>,
    deadline: Duration,
    is_cluster: bool,
}

impl Jobs {
    /// The queues on the server of `store`.
    ///
    /// It asks nothing of the server: that may be away. Take the store of the second server where there is one
    /// (`REDIS_COORDINATION_URL`), since queues must not be evicted.
    ///
    /// # Errors
    ///
    /// Fails on a store without a server of its own: the embedded one, over REST, over a Unix socket; and
    /// with certificates that make no sense.
    pub async fn open(store: &Store) -> Result<Self, JobsError> {
        let (handshake, is_cluster) = match store.access().await {
            Ok(access) => {
                library::connection(&access)?;
                (access.handshake_timeout(), access.is_cluster())
            }
            // Sentinels may be away as servers may; whether they are there is asked again with each connection.
            Err(error) if error.is_transient() || error.kind() == ErrorKind::Auth => (HANDSHAKE, false),
            Err(error) => return Err(JobsError::NoServer(error)),
        };
        store.rely_on_keeping();
        let deadline = store.deadline().saturating_add(handshake);
        Ok(Self { store: store.clone(), prefix: own_prefix(store).into(), deadline, is_cluster })
    }

    /// Keeps the queues under another prefix, such as `bull`, which BullMQ takes where it is told none.
    ///
    /// Defaults to the store's with slashes in place of colons, `jobs`, and braces round it: `{prod/ecom/jobs}`
    /// for `prod:ecom`. BullMQ for Rust takes no colon, and the braces keep all queues in one slot of a cluster.
    ///
    /// # Errors
    ///
    /// Fails when the prefix is empty or holds a colon, and in a cluster when it has no braces.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, JobsError> {
        if prefix.is_empty() || prefix.contains(':') {
            let what =
                format!("{prefix:?} can't be the prefix of queues; it must not be empty or hold a colon");
            return Err(JobsError::refused(what));
        }
        let has_braces =
            prefix.split_once('{').is_some_and(|(_, rest)| rest.find('}').is_some_and(|at| at > 0));
        if self.is_cluster && !has_braces {
            let what = format!(
                "the prefix {prefix:?} spreads a queue over a cluster; {{{prefix}}} keeps it together"
            );
            return Err(JobsError::refused(what));
        }
        self.prefix = prefix.into();
        Ok(self)
    }

    /// Bounds how long each call on a queue may take. Defaults to the store's deadline and a handshake.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// What stands before the name of each queue: `{prod/ecom/jobs}`.
    ///
    /// A worker of Node is given it as `prefix`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The queue that this declares, for jobs that carry a `T`.
    ///
    /// # Panics
    ///
    /// Panics when the declaration is of another category than `jobs`, or is not persistent.
    #[must_use]
    pub fn queue<T>(&self, declared: &Entity<impl Sized>) -> Queue<T> {
        let (category, name) = (declared.category(), declared.name());
        assert!(category == Category::Jobs, "{category}:{name} is no queue; declare it with Category::Jobs");
        let is_persistent = declared.persistence_class() == Persistence::Persistent;
        assert!(is_persistent, "jobs:{name} has a TTL, and jobs must not expire; declare it `.persistent()`");
        Queue::new(Arc::new(Line::new(self.clone(), name)))
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) const fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) async fn access(&self) -> Result<Access, JobsError> {
        self.store.access().await.map_err(JobsError::NoServer)
    }
}

/// How long opening a connection may take while nobody can say.
const HANDSHAKE: Duration = Duration::from_secs(1);

/// No prefix holds a slash, so that two of them never become one.
fn own_prefix(store: &Store) -> String {
    let prefix = store.prefix().as_str().replace(':', "/");
    if prefix.is_empty() { "{jobs}".to_owned() } else { format!("{{{prefix}/jobs}}") }
}
