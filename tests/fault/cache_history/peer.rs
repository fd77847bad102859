//! moka with its own single-flight, under the same examination.

use std::future::Future;

use moka::future::Cache;

use super::{
    plan::{Load, Way},
    record::What,
    register::KEYS,
    subject::{Stage, Subject},
};

/// moka's `get_with`, as its documentation shows it.
#[derive(Clone)]
pub(super) struct Moka(Cache<u64, u64>);

impl Moka {
    pub(super) fn new() -> Self {
        Self(Cache::new(10_000))
    }
}

impl Subject for Moka {
    async fn read(&self, key: u64, load: impl Future<Output = u64> + Send) -> (u64, What) {
        (self.0.get_with(key, load).await, What::ReadNear)
    }

    async fn look(&self, key: u64) -> Option<(u64, What)> {
        self.0.get(&key).await.map(|version| (version, What::ReadNear))
    }

    async fn batch(&self, stage: &Stage, load: Load) -> Vec<(u64, u64, What)> {
        let mut found = Vec::new();
        for key in 0..KEYS {
            let (version, what) = self.read(key, stage.load(key, load)).await;
            found.push((key, version, what));
        }
        found
    }

    async fn change(&self, key: u64, way: Way, version: u64) -> Option<What> {
        match way {
            Way::Key => self.0.invalidate(&key).await,
            Way::Set => self.0.insert(key, version).await,
            Way::Clear => self.0.invalidate_all(),
            Way::Tag | Way::Sweep => return None,
        }
        Some(What::Kept)
    }
}
