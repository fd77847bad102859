//! How something is invalidated: a stamp is minted, the change made, the other processes told, in this order.

use bytes::Bytes;
use redstart_connection::{Answer, By, Operation, Result, Store};
use redstart_keys::{Key, Ttl};

use crate::{
    event::{Change as News, Event},
    operations::{Mint, Publish, Raise},
    space::Space,
    tag::Tag,
};

/// What a change reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// Whether this process held a value; a change by tag or of everything does not look.
    pub l1: bool,
    /// Whether the store changed: the value is stored, or there was something to remove; a change by tag
    /// or of everything always changes it.
    pub l2: bool,
    /// Whether other processes were told. Not on the embedded store, which has none, and while the server
    /// is away: they hear of it when it is back.
    pub published: bool,
}

/// A change of one value under way.
///
/// This process forgets the value when it begins, and again when it ends, be it by an error or by
/// cancellation: reads that began in between may have met the old value in the store.
pub(crate) struct Change<'a> {
    space: &'a Space,
    name: &'a Bytes,
    /// Whether there was something to forget.
    pub(crate) held: bool,
}

impl<'a> Change<'a> {
    pub(crate) fn begin(space: &'a Space, name: &'a Bytes) -> Self {
        Self { space, name, held: space.forget_name(name, None) }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.space.forget_name(self.name, None);
    }
}

/// Where it is invalidated: the caches of one entity, and the store behind them.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    store: &'a Store,
    space: &'a Space,
}

impl<'a> Site<'a> {
    pub(crate) const fn new(store: &'a Store, space: &'a Space) -> Self {
        Self { store, space }
    }

    /// Removes the value under a name by `removal`; answers with the stamp too, where it means something to
    /// others.
    pub(crate) async fn value<O: Operation<Output = bool>>(
        self,
        name: &Bytes,
        removal: &O,
    ) -> Result<(Applied, Option<u64>)> {
        let change = Change::begin(self.space, name);
        // The stamp comes first: whoever reads it from now on loads what is there after the change.
        let minted = self.store.ask(&Mint::new(self.space.sequencer.clone())).await;
        let removed = self.store.ask(removal).await?;
        // Whoever heard of it before could put the value that was still there in again.
        let stamp = minted.as_ref().ok().and_then(of_the_server);
        let published = self.publish(&removed, News::Key(name.clone()), stamp).await?;
        let Answer { output: minted, by, .. } = minted?;
        let applied = Applied { l1: change.held, l2: removed.output, published };
        Ok((applied, (by != By::Standby).then_some(minted)))
    }

    /// Invalidates what bears `tag`; its stamp is kept for longer than any value that it judges.
    pub(crate) async fn tag(self, tag: &Tag, judged_for: Ttl) -> Result<Applied> {
        let news = News::Tag(tag.clone());
        let raised = self.raise(self.space.tag_key(tag), &news, judged_for).await;
        match &raised {
            Ok(Answer { output: stamp, by: By::Redis | By::Memory, .. }) => {
                self.space.raise_tag(tag, *stamp, self.store.clock().instant());
            }
            // Which values are older can't be told.
            _ => self.space.forget(),
        }
        let raised = raised?;
        let published = self.publish(&raised, news, of_the_server(&raised)).await?;
        Ok(Applied { l1: false, l2: true, published })
    }

    /// Invalidates everything; its stamp is kept for longer than any value that it judges.
    pub(crate) async fn clear(self, judged_for: Ttl) -> Result<Applied> {
        self.space.forget();
        let raised = self.raise(self.space.floor_key.clone(), &News::Clear, judged_for).await;
        // Again, for what was read meanwhile.
        self.space.forget();
        let raised = raised?;
        self.space.raise_floor(raised.output);
        let published = self.publish(&raised, News::Clear, of_the_server(&raised)).await?;
        Ok(Applied { l1: false, l2: true, published })
    }

    async fn raise(self, key: Key, news: &News, judged_for: Ttl) -> Result<Answer<u64>> {
        let event = self.event(news.clone(), None);
        let raise = Raise::new(key, self.space.sequencer.clone(), judged_for).with_event(event);
        self.store.ask(&raise).await
    }

    /// Tells the other processes what was done; answers whether they were told.
    ///
    /// What the server has not heard of yet they hear after it has.
    pub(crate) async fn publish<T: Sync>(
        self,
        done: &Answer<T>,
        news: News,
        stamp: Option<u64>,
    ) -> Result<bool> {
        if done.by != By::Redis {
            return Ok(false);
        }
        let answer = self.store.ask(&Publish::new(self.event(news, stamp))).await?;
        Ok(answer.by == By::Redis)
    }

    fn event(self, change: News, stamp: Option<u64>) -> Event {
        Event { entity: Some(self.space.label()), change, stamp }
    }
}

/// The stamp, where it is the server's: the one of a memory that stands in for it means nothing to others.
pub(crate) fn of_the_server(answer: &Answer<u64>) -> Option<u64> {
    (answer.by == By::Redis).then_some(answer.output)
}
