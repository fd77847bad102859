//! Those who share the events.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

use redstart_connection::{Acknowledge, Delivery, Error, Feed, LeaveGroup, Member, ReadGroup};
use serde::de::DeserializeOwned;

use super::{Event, EventId, Inner};
use crate::secret::unique;

/// One of those who share the events of a stream.
///
/// What it was given and has not [settled](Consumer::settle) within its patience is given to another, so that
/// nothing is lost with a process that dies. An event may be given twice, so what is done with it must bear that.
pub struct Consumer<T> {
    stream: Arc<Inner>,
    member: Member,
    most: usize,
    patience: Duration,
    feed: Option<Feed>,
    /// When it was last looked for events that others have had for too long.
    looked: Option<Instant>,
    events: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Consumer<T> {
    pub(super) fn new(stream: Arc<Inner>, group: String) -> Self {
        // Names tell the consumers of a group apart; no two processes may have one.
        let name = unique();
        let member = Member::new(stream.key.clone(), group, name);
        let patience = Duration::from_secs(60);
        Self { stream, member, most: 32, patience, feed: None, looked: None, events: PhantomData }
    }

    /// Lets a consumer have an event for this long before another gets it. Defaults to a minute.
    ///
    /// It must be longer than what is done with the events of one [`Consumer::next`] ever takes.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes at most this many events at once, at least one. Defaults to 32.
    #[must_use]
    pub const fn with_most(mut self, most: usize) -> Self {
        self.most = if most == 0 { 1 } else { most };
        self
    }

    /// Waits for events; none when the store is shut down.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer. Called again, it goes on.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, what was already given out comes again when the patience is over.
    pub async fn next(&mut self) -> Result<Option<Vec<Event<T>>>, Error> {
        loop {
            if self.stream.store.tasks().is_stopped() {
                return Ok(None);
            }
            let is_attached = self.feed.is_some();
            let feed =
                self.feed.get_or_insert_with(|| Feed::open(&self.stream.store, self.stream.key.clone()));
            if !is_attached {
                // It stands at the end of the stream before that is read, so that it tells what comes after.
                feed.next().await?;
            }
            let events = self.take().await?;
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if !self.is_woken().await? {
                return Ok(None);
            }
        }
    }

    async fn take(&mut self) -> Result<Vec<Event<T>>, Error> {
        let Inner { store, ttl, .. } = &*self.stream;
        let (now, mut read) = (store.clock().instant(), ReadGroup::new(self.member.clone(), self.most, *ttl));
        let is_due = self.is_due(now);
        if is_due {
            read = read.taking_over(self.patience);
        }
        let given = store.run(&read).await?;
        if is_due && given.len() < self.most {
            self.looked = Some(now);
        }
        let mut unreadable = Vec::new();
        let mut events = Vec::with_capacity(given.len());
        for given in given {
            match Event::read(&self.stream, &given.entry, given.times) {
                Some(event) => events.push(event),
                None => unreadable.push(given.entry.cursor),
            }
        }
        if !unreadable.is_empty() {
            // Nobody of this group could read them, so that they would come for ever.
            self.acknowledge(unreadable).await?;
        }
        Ok(events)
    }

    /// Twice within the patience, so that nothing lies for longer than one and a half of it.
    fn is_due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| self.patience / 2 <= now.saturating_duration_since(looked))
    }

    /// Waits until there may be something; answers whether the store is still in use.
    async fn is_woken(&mut self) -> Result<bool, Error> {
        let store = self.stream.store.clone();
        while let Some(feed) = &mut self.feed {
            let news = tokio::select! {
                biased;
                () = store.tasks().stopped() => return Ok(false),
                news = feed.next() => news?,
            };
            if news != Delivery::Idle || self.is_due(store.clock().instant()) {
                break;
            }
        }
        Ok(true)
    }

    /// Settles an event: nobody of the group gets it again.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; the event may be settled even so.
    pub async fn settle(&self, event: EventId) -> Result<(), Error> {
        self.acknowledge(vec![event]).await
    }

    /// Settles several events at once.
    ///
    /// # Errors
    ///
    /// As [`Consumer::settle`].
    pub async fn settle_all(&self, events: impl IntoIterator<Item = EventId> + Send) -> Result<(), Error> {
        self.acknowledge(events.into_iter().collect()).await
    }

    async fn acknowledge(&self, settled: Vec<EventId>) -> Result<(), Error> {
        self.stream.store.run(&Acknowledge::new(self.member.clone(), settled)).await.map(drop)
    }

    /// Leaves the group; what is not settled is for others at once. Answers how many events those are.
    ///
    /// One that is dropped instead keeps what it has until the patience is over.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn leave(self) -> Result<usize, Error> {
        self.stream.store.run(&LeaveGroup::new(self.member)).await
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("member", &self.member)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
