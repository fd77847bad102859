//! One process, as far as the server can tell: a store of its own, with a cache.

use std::{convert::Infallible, time::Duration};

use redstart_cache::{Cache, Cached, EarlyRefresh, Freshness, L1, Loaded, SingleFlight, Source, Tag, sweep};
use redstart_connection::{By, Cmd, Store};
use redstart_keys::{Category, Entity, Ttl};

use super::{
    plan::{Load, TAGGED, Way},
    record::What,
    register::KEYS,
    subject::{Stage, Subject},
};

pub(super) const VALUE: Entity<u64> = Entity::new(Category::Cache, "history").ttl(Ttl::hours(1));
/// For how long a node may show what others have changed.
pub(super) const MAX_STALENESS: Duration = Duration::from_secs(1);

/// A node of a history.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) store: Store,
    pub(super) cache: Cache<u64, u64>,
}

impl Node {
    pub(super) fn new(store: Store) -> Self {
        let cache = Cache::builder(&store, &VALUE).max_staleness(MAX_STALENESS).build();
        Self { store, cache }
    }

    /// One that shares its loads with the other processes, and replaces much of what it shows.
    pub(super) fn eager(store: Store) -> Self {
        // A load takes some milliseconds and a value lives for an hour: so every third read or so loads.
        let early = Freshness::new().early_refresh(EarlyRefresh::xfetch_by(1e6));
        let cache = Cache::builder(&store, &VALUE).max_staleness(MAX_STALENESS);
        let cache = cache.single_flight(SingleFlight::fleet()).freshness(early).build();
        Self { store, cache }
    }

    /// One that sees what the server has.
    pub(super) fn far(store: Store) -> Self {
        let cache = Cache::builder(&store, &VALUE).l1(L1::off()).build();
        Self { store, cache }
    }

    /// Whether the server itself answers.
    pub(super) async fn is_connected(&self) -> bool {
        self.store.command(Cmd::new("PING")).await.is_ok() && self.is_told_by_the_server().await
    }

    async fn is_told_by_the_server(&self) -> bool {
        let read = redstart_cache::Read::new(vec![VALUE.key(&u64::MAX)]);
        self.store.ask(&read).await.is_ok_and(|answer| answer.by != By::Standby)
    }
}

impl Subject for Node {
    async fn read(&self, key: u64, load: impl Future<Output = u64> + Send) -> (u64, What) {
        let load = || async { Ok::<_, Infallible>(tagged(key, load.await)) };
        let cached = self.cache.get_or_load(&key, load).await.unwrap().unwrap();
        seen(&cached)
    }

    async fn look(&self, key: u64) -> Option<(u64, What)> {
        self.cache.get(&key).await.ok().flatten().map(|cached| seen(&cached))
    }

    async fn batch(&self, stage: &Stage, load: Load) -> Vec<(u64, u64, What)> {
        let all: Vec<u64> = (0..KEYS).collect();
        let load = |missing: Vec<u64>| async move {
            let mut loaded = Vec::new();
            for key in missing {
                loaded.push((key, tagged(key, stage.load(key, load).await)));
            }
            Ok::<_, Infallible>(loaded)
        };
        let found = self.cache.get_many_or_load(&all, load).await.into_result().unwrap();
        let seen = |(key, cached)| {
            let (version, what) = seen(&cached);
            (key, version, what)
        };
        found.into_iter().map(seen).collect()
    }

    async fn change(&self, key: u64, way: Way, version: u64) -> Option<What> {
        let applied = match way {
            Way::Key => self.cache.invalidate(&key).await,
            Way::Tag => self.cache.invalidate_tag(&tag(key)).await,
            Way::Clear => self.cache.clear().await,
            Way::Set => self.cache.set(&key, &version).await,
            Way::Sweep => {
                let was_connected = self.is_told_by_the_server().await;
                sweep(&self.store, &VALUE.pattern()).await.ok()?;
                let is_told = was_connected && self.is_told_by_the_server().await;
                return Some(if is_told { What::Told } else { What::Kept });
            }
        };
        applied.ok().map(|applied| if applied.published { What::Told } else { What::Kept })
    }
}

/// The tag that all bear, for half of them, or one of their own.
fn tag(key: u64) -> Tag {
    Tag::new(if key.is_multiple_of(2) { "all".to_owned() } else { format!("own-{key}") }).unwrap()
}

/// The keys that bear the tag which a change of `key` by tag names.
pub(super) fn of_one_tag(key: u64) -> Vec<u64> {
    if key.is_multiple_of(2) { (0..TAGGED).collect() } else { vec![key] }
}

fn tagged(key: u64, version: u64) -> Loaded<u64> {
    let loaded = Loaded::new(version);
    if key < TAGGED {
        let (all, own) = (Tag::new("all").unwrap(), Tag::new(format!("own-{key}")).unwrap());
        loaded.tag(all).tag(own)
    } else {
        loaded
    }
}

fn seen(cached: &Cached<u64>) -> (u64, What) {
    let what = match cached.source() {
        Source::L1 => What::ReadNear,
        Source::L2 => What::ReadFar,
        Source::Standby => What::ReadStandby,
        _ => What::ReadLoaded,
    };
    (**cached, what)
}
