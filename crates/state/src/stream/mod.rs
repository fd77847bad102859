//! Streams of events: live for all, shared by groups, read on from any place that is kept.

mod consumer;
mod event;
mod follow;
mod follower;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, atomic::AtomicBool},
};

use redstart_connection::{Append, Error, FindEnd, Store};
use redstart_keys::{Entity, Id, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::broadcast;

pub use self::{
    consumer::Consumer,
    event::{Event, EventId},
    follower::{Follower, Heard},
};
use self::{event::FIELD, follow::Told};

/// How many events a follower may lie behind before it reads on from the server.
const AHEAD: usize = 256;

/// Events of one kind, in the order in which they happened.
///
/// Whoever [follows](EventStream::follow) it gets every event, from now on or from one that it has seen, as a
/// browser does that comes back. The [consumers](EventStream::consumer) of one group share the events: each is
/// settled by one of them, at least once.
///
/// Events are JSON. They are kept for the TTL of the declaration after the last one, and about 10,000 of them.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use redstart_state::{EventStream, Heard};
///
/// const CHANGES: Entity<TextId> = Entity::new(Category::Jobs, "price-changes").ttl(Ttl::days(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
/// let id = TextId::new("all").expect("a short name");
/// let prices = EventStream::<u32>::new(&Store::memory(), &CHANGES, &id);
/// let seen = prices.publish(&100).await?;
/// prices.publish(&120).await?;
///
/// let mut follower = prices.follow_after(seen);
/// let Some(Heard::Event(event)) = follower.next().await? else { panic!("there is one more") };
/// assert_eq!(*event.value(), 120);
/// # Ok(()) }
/// ```
pub struct EventStream<T> {
    inner: Arc<Inner>,
    events: PhantomData<fn(T) -> T>,
}

pub(crate) struct Inner {
    store: Store,
    key: Key,
    name: &'static str,
    ttl: Ttl,
    cap: usize,
    told: broadcast::Sender<Told>,
    /// Whether somebody reads for all followers.
    is_followed: AtomicBool,
}

impl<T> EventStream<T> {
    /// The stream of this id, kept in `store`.
    ///
    /// One handle serves a whole process: its followers share a connection.
    ///
    /// # Panics
    ///
    /// Panics when the declaration has no TTL.
    #[must_use]
    pub fn new<I: Id>(store: &Store, declared: &Entity<I>, id: &I) -> Self {
        let (category, name) = (declared.category(), declared.name());
        let ttl = declared.ttl();
        assert!(
            ttl.is_some(),
            "{category}:{name} has no TTL, and a stream of events ends; declare it with one"
        );
        let inner = Inner {
            store: store.clone(),
            key: declared.key(id),
            name,
            ttl: ttl.unwrap_or(Ttl::days(1)),
            cap: 10_000,
            told: broadcast::Sender::new(AHEAD),
            is_followed: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner), events: PhantomData }
    }

    /// Keeps about this many events, at least one. Defaults to 10,000.
    ///
    /// To be called before the handle is cloned or followed.
    #[must_use]
    pub fn with_cap(mut self, cap: usize) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.cap = cap.max(1);
        }
        self
    }

    /// Tells an event to all; answers its id.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the event can't be JSON. It may have been told even so; it is
    /// told twice when its answer was lost and it was sent again.
    pub async fn publish(&self, event: &T) -> Result<EventId, Error>
    where
        T: Serialize + Sync,
    {
        let Inner { store, key, ttl, cap, name, .. } = &*self.inner;
        let text = serde_json::to_vec(event)
            .map_err(|error| Error::protocol(format!("an event of {name} can't be JSON: {error}")))?;
        store.run(&Append::new(key.clone(), *ttl).with_cap(*cap).field(FIELD, text)).await
    }

    /// Follows the stream from now on.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn follow(&self) -> Result<Follower<T>, Error>
    where
        T: DeserializeOwned,
    {
        let end = self.inner.store.run(&FindEnd::new(self.inner.key.clone())).await?;
        Ok(self.follow_after(end))
    }

    /// Follows the stream from the event behind `seen` on; behind the default one is from the beginning.
    #[must_use]
    pub fn follow_after(&self, seen: EventId) -> Follower<T>
    where
        T: DeserializeOwned,
    {
        Follower::new(Arc::clone(&self.inner), seen)
    }

    /// A consumer that shares the events with the others of `group`, in all processes.
    ///
    /// A group begins with the oldest event that is kept.
    pub fn consumer(&self, group: impl Into<String>) -> Consumer<T>
    where
        T: DeserializeOwned,
    {
        Consumer::new(Arc::clone(&self.inner), group.into())
    }
}

impl<T> Clone for EventStream<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), events: PhantomData }
    }
}

impl<T> fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("key", &self.inner.key)
            .field("ttl", &self.inner.ttl)
            .finish_non_exhaustive()
    }
}
