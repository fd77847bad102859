//! The caches, and what falls together.

use std::slice;

use redstart::{Cache, Error, Store, TextId, cache::Usage, http::OpsState};
use tokio::try_join;

use crate::{
    database::{
        self, Asset, Brand, Creator, Database, Dependents, License, Postcode, Price, Product, Project,
        Record, RecordId, User,
    },
    keys,
};

/// Every cache of the service.
///
/// A cache keeps values in this process only while no other process can change them, which is on
/// the embedded store; on Redis every read asks there.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) users: Cache<RecordId, User>,
    pub(crate) creators: Cache<RecordId, Creator>,
    pub(crate) brands: Cache<RecordId, Brand>,
    pub(crate) projects: Cache<RecordId, Project>,
    pub(crate) assets: Cache<RecordId, Asset>,
    pub(crate) licenses: Cache<RecordId, License>,
    pub(crate) postcodes: Cache<TextId, Postcode>,
    pub(crate) products: Cache<RecordId, Product>,
    pub(crate) inventories: Cache<RecordId, u32>,
    pub(crate) prices: Cache<RecordId, Price>,
}

/// A record with a cache.
pub(crate) trait Kept: Record {
    /// The cache of its kind.
    fn cache(caches: &Caches) -> &Cache<RecordId, Self>;

    /// What falls with a record that has changed, because it shows a part of it.
    fn dependents(_: &Database, _: RecordId) -> impl Future<Output = database::Result<Dependents>> + Send {
        async { Ok(Dependents::default()) }
    }
}

impl Caches {
    /// Empty caches on a store.
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            users: Cache::new(store, &keys::USER),
            creators: Cache::new(store, &keys::CREATOR),
            brands: Cache::new(store, &keys::BRAND),
            projects: Cache::new(store, &keys::PROJECT),
            assets: Cache::new(store, &keys::ASSET),
            licenses: Cache::new(store, &keys::LICENSE),
            postcodes: Cache::new(store, &keys::POSTCODE),
            // By what is asked for, the most wanted are known, and loaded before anybody asks.
            products: Cache::builder(store, &keys::PRODUCT).usage(Usage::counted().hourly()).build(),
            inventories: Cache::new(store, &keys::PRODUCT_INVENTORY),
            prices: Cache::new(store, &keys::PRODUCT_PRICE),
        }
    }

    /// Lets administrators forget single entries and tags.
    pub(crate) fn shown_in(&self, ops: OpsState) -> OpsState {
        ops.with_cache(&self.users)
            .with_cache(&self.creators)
            .with_cache(&self.brands)
            .with_cache(&self.projects)
            .with_cache(&self.assets)
            .with_cache(&self.licenses)
            .with_cache(&self.postcodes)
            .with_cache(&self.products)
            .with_cache(&self.inventories)
            .with_cache(&self.prices)
    }

    /// Forgets a record that has changed, and what depends on it.
    ///
    /// # Errors
    ///
    /// Fails when the store does; then old values may be shown until their TTL is over, or until
    /// this is called again.
    pub(crate) async fn forget<R: Kept>(&self, id: RecordId, dependents: &Dependents) -> Result<(), Error> {
        let Dependents { creators, projects, assets, licenses } = dependents;
        try_join!(
            forget_all(R::cache(self), slice::from_ref(&id)),
            forget_all(&self.creators, creators),
            forget_all(&self.projects, projects),
            forget_all(&self.assets, assets),
            forget_all(&self.licenses, licenses),
        )?;
        Ok(())
    }
}

impl Kept for User {
    fn cache(caches: &Caches) -> &Cache<RecordId, Self> {
        &caches.users
    }

    fn dependents(
        database: &Database,
        id: RecordId,
    ) -> impl Future<Output = database::Result<Dependents>> + Send {
        database.dependents(id)
    }
}

impl Kept for Creator {
    fn cache(caches: &Caches) -> &Cache<RecordId, Self> {
        &caches.creators
    }
}

impl Kept for Brand {
    fn cache(caches: &Caches) -> &Cache<RecordId, Self> {
        &caches.brands
    }
}

impl Kept for Project {
    fn cache(caches: &Caches) -> &Cache<RecordId, Self> {
        &caches.projects
    }
}

impl Kept for Asset {
    fn cache(caches: &Caches) -> &Cache<RecordId, Self> {
        &caches.assets
    }
}

impl Kept for License {
    fn cache(caches: &Caches) -> &Cache<RecordId, Self> {
        &caches.licenses
    }
}

async fn forget_all<R: Kept>(cache: &Cache<RecordId, R>, ids: &[RecordId]) -> Result<(), Error> {
    for id in ids {
        cache.invalidate(id).await?;
    }
    Ok(())
}
