//! What all caches of one entity in this process have in common.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_keys::{Category, Key, Ttl};

use crate::{
    event::{Change, Event, stream},
    stats::Stats,
    tag::{Tag, Tags},
};

/// How long a process must remember that a tag was invalidated: longer than what was read before may be
/// under way to its memory, or stay there.
const REMEMBERED: Duration = Duration::from_secs(300);

/// What every cache can do, whatever it holds.
pub(crate) trait AnyCache: Send + Sync {
    fn stats(&self) -> Stats;

    /// Drops what this process holds of it.
    fn forget(&self);

    /// Drops what this process holds of it, because something may have happened unheard.
    fn doubt(&self);

    /// Drops what this process holds of it under a name, unless it is of `stamp` or later; answers whether
    /// there was anything.
    fn forget_name(&self, name: &[u8], stamp: Option<u64>) -> bool;

    /// Lets nobody join a load that began before `stamp`.
    fn supersede(&self, stamp: u64);

    /// Ends a wait for a load of what is under a name in another process.
    fn wake(&self, name: &[u8]);

    /// How long a stamp must be kept that judges its values.
    fn judgement_ttl(&self) -> Ttl;

    /// Whether it holds values in this process that others may change.
    fn listens(&self) -> bool;
}

/// The caches of one entity, each with values of its own in this process, and what is known of what was
/// invalidated.
///
/// What one of them changes the others must not go on serving.
pub(crate) struct Space {
    pub(crate) sequencer: Key,
    pub(crate) floor_key: Key,
    /// What is to be invalidated later; in the slot of the stream, so that both change as one.
    pub(crate) queue: Key,
    /// How much waits in the queue, as this process has heard last.
    pub(crate) waiting: AtomicU64,
    category: Category,
    name: &'static str,
    caches: Mutex<Arc<[Weak<dyn AnyCache>]>>,
    /// Values that are older are not valid.
    floor: AtomicU64,
    /// In which era of the reader the floor was asked for, and has been followed since.
    floor_era: AtomicU64,
    /// The floor that was made last, and when.
    pub(crate) floor_made: tokio::sync::Mutex<Option<(u64, Instant)>>,
    tags: Mutex<HashMap<Tag, Raised>>,
}

/// A tag that was invalidated lately.
struct Raised {
    stamp: u64,
    at: Instant,
}

impl Space {
    pub(crate) fn new(category: Category, name: &'static str) -> Self {
        Self {
            sequencer: Key::namespace(category, name, "seq"),
            floor_key: Key::namespace(category, name, "floor"),
            queue: stream().companion("due").companion(category.name()).companion(name),
            waiting: AtomicU64::new(0),
            category,
            name,
            caches: Mutex::new(Arc::new([])),
            floor: AtomicU64::new(0),
            floor_era: AtomicU64::new(0),
            floor_made: tokio::sync::Mutex::default(),
            tags: Mutex::default(),
        }
    }

    /// The key that holds the stamp of a tag.
    pub(crate) fn tag_key(&self, tag: &Tag) -> Key {
        Key::namespace_id(self.category, self.name, "t", tag)
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// What events call this entity.
    pub(crate) fn label(&self) -> String {
        crate::operations::entity_of(&self.sequencer)
    }

    /// Whether anybody uses it.
    pub(crate) fn is_alive(&self) -> bool {
        let caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.iter().any(|cache| cache.strong_count() > 0)
    }

    /// How long a stamp must be kept that judges the values of all its caches; none when there are none.
    pub(crate) fn judgement_ttl(&self) -> Option<Ttl> {
        let mut longest = None;
        self.each(|cache| longest = longest.max(Some(cache.judgement_ttl())));
        longest
    }

    pub(crate) fn add(&self, cache: Weak<dyn AnyCache>) {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let living = caches.iter().filter(|cache| cache.strong_count() > 0).cloned();
        *caches = living.chain([cache]).collect();
    }

    /// Visits them outside the lock: whoever holds a cache for the visit may be the last to drop it.
    pub(crate) fn each(&self, mut visit: impl FnMut(&dyn AnyCache)) {
        let caches = Arc::clone(&self.caches.lock().unwrap_or_else(PoisonError::into_inner));
        for cache in caches.iter().filter_map(Weak::upgrade) {
            visit(&*cache);
        }
    }

    /// Drops what this process holds of it all.
    pub(crate) fn forget(&self) {
        self.each(|cache| cache.forget());
    }

    /// Drops what this process holds of it all, because something may have happened unheard.
    pub(crate) fn doubt(&self) {
        self.each(|cache| cache.doubt());
    }

    /// Drops what this process holds under a name; answers whether there was anything.
    pub(crate) fn forget_name(&self, name: &[u8], stamp: Option<u64>) -> bool {
        let mut held = false;
        self.each(|cache| held |= cache.forget_name(name, stamp));
        held
    }

    /// Ends the waits for a load of what is under a name.
    pub(crate) fn wake(&self, name: &[u8]) {
        self.each(|cache| cache.wake(name));
    }

    /// Takes over what another process, or this one, has changed.
    pub(crate) fn apply(&self, event: &Event, now: Instant) {
        match (&event.change, event.stamp) {
            (Change::Key(name), stamp) => {
                self.forget_name(name, stamp);
            }
            (Change::Tag(tag), Some(stamp)) => self.raise_tag(tag, stamp, now),
            (Change::Clear, Some(stamp)) => self.raise_floor(stamp),
            (Change::Settled(name), _) => self.wake(name),
            (Change::Due(_), _) => {}
            (Change::Tag(_) | Change::Clear, None) | (Change::Forget, _) => self.forget(),
        }
    }

    /// Notes that everything was invalidated; loads that began before answer those who have joined alone.
    pub(crate) fn raise_floor(&self, stamp: u64) {
        let former = self.floor.fetch_max(stamp, Ordering::AcqRel);
        // The first to be known says nothing of a change.
        if 0 < former && former < stamp {
            self.each(|cache| cache.supersede(stamp));
        }
    }

    /// Notes that a tag was invalidated; which tags a load will bring is not known before it ends, so those
    /// that began before answer those who have joined alone.
    pub(crate) fn raise_tag(&self, tag: &Tag, stamp: u64, now: Instant) {
        self.note_tag(tag, stamp, now);
        self.each(|cache| cache.supersede(stamp));
    }

    fn note_tag(&self, tag: &Tag, stamp: u64, now: Instant) {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let former = tags.get(tag).map_or(0, |raised| raised.stamp);
        // Now and then, so that the table holds what is recent and little more.
        if tags.len().is_power_of_two() {
            tags.retain(|_, raised| now.saturating_duration_since(raised.at) < REMEMBERED);
        }
        tags.insert(tag.clone(), Raised { stamp: stamp.max(former), at: now });
    }

    /// Whether a value has been invalidated with all, or by one of its tags, as far as this process knows.
    pub(crate) fn outdates(&self, as_of: u64, tags: &Tags) -> bool {
        if as_of < self.floor.load(Ordering::Acquire) {
            return true;
        }
        if tags.is_empty() {
            return false;
        }
        let raised = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.iter().any(|tag| raised.get(tag).is_some_and(|raised| as_of < raised.stamp))
    }

    /// Whether the floor need not be asked for: it was, in this era, and every change since was heard of.
    pub(crate) fn knows_floor(&self, era: u64) -> bool {
        self.floor_era.load(Ordering::Acquire) == era
    }

    /// Notes that the floor is known as it was in this era.
    pub(crate) fn knows_floor_of(&self, era: u64) {
        self.floor_era.store(era, Ordering::Release);
    }

    /// Whether nobody has said yet that there is one.
    pub(crate) fn has_no_floor(&self) -> bool {
        self.floor.load(Ordering::Acquire) == 0
    }
}
