//! Invalidating by pattern.

use std::sync::Arc;

use redstart_connection::{
    BoxFuture, Effect, Memory, Operation, Outage, Redis, Replay, Result, ScanCursor, Store, Timestamp,
};
use redstart_keys::{Category, Pattern};

use crate::{
    operations::{Publish, TICKET},
    registry::Registry,
};

/// How many names one step of a sweep asks for.
pub(crate) const PAGE: u64 = 500;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Swept {
    /// Keys that matched.
    pub scanned: u64,
    /// Values that were removed.
    pub removed: u64,
}

/// Removes every key that `pattern` matches, in small steps that do not hold the server up.
///
/// The tickets of loads and sets under way go first, to the end, and the values after them: so nothing
/// that began before the sweep can be stored behind it. What all caches on this store hold in this
/// process is dropped too. [`survey`](crate::survey) tells what would be removed.
///
/// # Errors
///
/// Fails when the store does; what was swept until then stays removed, and sweeping again is safe.
///
/// # Cancel safety
///
/// If this is dropped midway a part has been removed; this process forgets what it held all the same.
pub async fn sweep(store: &Store, pattern: &Pattern) -> Result<Swept> {
    sweep_with(store, pattern, |_| {}).await
}

/// Like [`sweep`], and tells after each step what was done so far.
///
/// # Errors
///
/// Fails when the store does; what was swept until then stays removed, and sweeping again is safe.
///
/// # Cancel safety
///
/// If this is dropped midway a part has been removed; this process forgets what it held all the same.
pub async fn sweep_with(
    store: &Store,
    pattern: &Pattern,
    on_progress: impl FnMut(Swept) + Send,
) -> Result<Swept> {
    let _sweeping = Sweeping::begin(store);
    sweep_one(store, pattern.companions(TICKET), |_| {}).await?;
    let swept = sweep_one(store, pattern.clone(), on_progress).await?;
    store.run(&Publish::forget_all()).await?;
    Ok(swept)
}

/// A sweep under way: this process forgets everything when it begins, and again however it ends.
struct Sweeping(Arc<Registry>);

impl Sweeping {
    fn begin(store: &Store) -> Self {
        let caches = store.shared::<Registry>();
        caches.forget();
        Self(caches)
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.forget();
    }
}

async fn sweep_one(
    store: &Store,
    pattern: Pattern,
    mut on_progress: impl FnMut(Swept) + Send,
) -> Result<Swept> {
    let mut total = Swept::default();
    let mut page = SweepPage::new(pattern);
    loop {
        let (cursor, swept) = store.run(&page).await?;
        total.scanned += swept.scanned;
        total.removed += swept.removed;
        on_progress(total);
        match cursor {
            Some(cursor) => page.cursor = cursor,
            None => return Ok(total),
        }
    }
}

/// One step of a sweep.
#[derive(Clone, Debug)]
pub struct SweepPage {
    pattern: Pattern,
    cursor: ScanCursor,
}

impl SweepPage {
    /// The first step of a sweep of what `pattern` matches.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        Self { pattern, cursor: ScanCursor::default() }
    }

    /// The step that begins where another ended.
    #[must_use]
    pub fn at(self, cursor: ScanCursor) -> Self {
        Self { cursor, ..self }
    }
}

impl Operation for SweepPage {
    /// Where the next step begins, none at the end, and what this one did.
    type Output = (Option<ScanCursor>, Swept);
    const NAME: &'static str = "cache.sweep";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn replay(&self) -> Option<Replay> {
        fn again(pattern: Pattern) -> impl Fn(Store) -> BoxFuture<'static, Result<()>> + Send + Sync {
            move |store| {
                let pattern = pattern.clone();
                Box::pin(async move { sweep_one(&store, pattern, |_| {}).await.map(drop) })
            }
        }
        // Thousands of patterns in one outage: then all that is cached goes.
        let everything = Pattern::parse(&format!("{}:*", Category::Cache.name())).ok()?;
        Some(Replay::new(
            "sweep",
            format!("{:?}", self.pattern),
            again(self.pattern.clone()),
            again(everything),
        ))
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "swept"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let page = redis.scan(&self.cursor, &self.pattern, PAGE).await?;
        let scanned = u64::try_from(page.names.len()).unwrap_or(u64::MAX);
        let removed = redis.unlink(&page.names).await?;
        Ok((page.next, Swept { scanned, removed }))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        let removed = memory.remove_matching(&self.pattern, now);
        Ok((None, Swept { scanned: removed, removed }))
    }
}
