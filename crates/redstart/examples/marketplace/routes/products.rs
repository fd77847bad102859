//! Products: each in three parts that live for different times.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, put},
};
use redstart::{
    Cached,
    http::{ApiError, CacheHeaders},
};
use serde::{Deserialize, Serialize};
use tokio::{join, try_join};

use super::counts::Visitor;
use crate::{
    answer,
    app::App,
    database::{DatabaseError, Price, Product, RecordId},
    request::{Asked, JsonBody, PathId},
};

/// How many products one request may ask for.
const MOST: u32 = 100;

/// How many popular products are shown when the request does not say.
const POPULAR: u32 = 10;

/// The routes of products.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/products", get(read_many))
        .route("/api/v1/products/popular", get(read_popular))
        .route("/api/v1/products/{id}", get(read))
        .route("/api/v1/products/{id}/inventory", put(set_inventory))
        .route("/api/v1/products/{id}/price", put(set_price))
}

/// The parts of a product.
struct Parts {
    product: Cached<Product>,
    inventory: Cached<u32>,
    price: Cached<Price>,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    product: &'a Product,
    inventory: u32,
    price: Price,
}

#[derive(Deserialize)]
struct Ids {
    ids: String,
}

#[derive(Deserialize)]
struct Most {
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Batch<'a> {
    products: Vec<Whole<'a>>,
    missing: Vec<RecordId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewInventory {
    inventory: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    price: Price,
}

async fn read(
    State(app): State<Arc<App>>,
    PathId(id): PathId,
    Visitor(visitor): Visitor,
) -> Result<Response, ApiError> {
    let (caches, database) = (&app.caches, &app.database);
    let parts = try_join!(
        caches.products.get_or_load(&id, || first(database.products(vec![id]))),
        caches.inventories.get_or_load(&id, || first(database.inventories(vec![id]))),
        caches.prices.get_or_load(&id, || first(database.prices(vec![id]))),
    );
    let (Some(product), Some(inventory), Some(price)) = parts.map_err(answer::unloaded)? else {
        return Ok((CacheHeaders::miss(), answer::not_found()).into_response());
    };
    app.state.views.add(&id, 1);
    // A visitor that is not counted is no reason to show nothing.
    if let Err(error) = app.state.visitors.see(&id, &[&visitor]).await {
        tracing::debug!(%error, "a visitor is not counted");
    }
    let parts = Parts { product, inventory, price };
    Ok((headers([&parts]), Json(parts.whole())).into_response())
}

async fn read_many(
    State(app): State<Arc<App>>,
    Asked(Ids { ids }): Asked<Ids>,
) -> Result<Response, ApiError> {
    let ids: Result<Vec<RecordId>, _> = ids.split(',').map(str::parse).collect();
    let ids = ids.map_err(|_| ApiError::bad_request("The ids must be whole numbers from 1: ?ids=1,2,3"))?;
    if ids.len() > MOST as usize {
        return Err(ApiError::bad_request(format!("At most {MOST} products can be asked for at once.")));
    }
    batch(&app, ids).await
}

/// The products that all instances are asked for most.
async fn read_popular(
    State(app): State<Arc<App>>,
    Asked(Most { limit }): Asked<Most>,
) -> Result<Response, ApiError> {
    let most = limit.unwrap_or(POPULAR);
    if !(1..=MOST).contains(&most) {
        return Err(ApiError::bad_request(format!("The limit must be a number from 1 to {MOST}.")));
    }
    let used = app.caches.products.popular(most).await?;
    batch(&app, used.into_iter().map(|used| used.id).collect()).await
}

async fn batch(app: &App, ids: Vec<RecordId>) -> Result<Response, ApiError> {
    let (caches, database) = (&app.caches, &app.database);
    let (products, inventories, prices) = join!(
        caches.products.get_many_or_load(&ids, |missing| database.products(missing)),
        caches.inventories.get_many_or_load(&ids, |missing| database.inventories(missing)),
        caches.prices.get_many_or_load(&ids, |missing| database.prices(missing)),
    );
    let products = products.into_result().map_err(answer::unloaded)?;
    let inventories = inventories.into_result().map_err(answer::unloaded)?;
    let prices = prices.into_result().map_err(answer::unloaded)?;
    let found = |id| {
        let (product, inventory, price) = (products.get(&id)?, inventories.get(&id)?, prices.get(&id)?);
        Some(Parts { product: product.clone(), inventory: inventory.clone(), price: price.clone() })
    };
    let found: Vec<(RecordId, Option<Parts>)> = ids.into_iter().map(|id| (id, found(id))).collect();
    let parts = || found.iter().filter_map(|(_, parts)| parts.as_ref());
    let products = parts().map(Parts::whole).collect();
    let missing = found.iter().filter(|(_, parts)| parts.is_none()).map(|(id, _)| *id).collect();
    Ok((headers(parts()), Json(Batch { products, missing })).into_response())
}

async fn set_inventory(
    State(app): State<Arc<App>>,
    PathId(id): PathId,
    JsonBody(NewInventory { inventory }): JsonBody<NewInventory>,
) -> Result<StatusCode, ApiError> {
    let changing = Arc::clone(&app);
    let change = async move {
        if !changing.database.set_inventory(id, inventory).await? {
            return Err(answer::not_found());
        }
        changing.caches.inventories.invalidate(&id).await.map_err(|error| answer::unheard(&error))?;
        Ok(StatusCode::NO_CONTENT)
    };
    app.finish(change).await
}

async fn set_price(
    State(app): State<Arc<App>>,
    PathId(id): PathId,
    JsonBody(NewPrice { price }): JsonBody<NewPrice>,
) -> Result<StatusCode, ApiError> {
    let changing = Arc::clone(&app);
    let change = async move {
        if !changing.database.set_price(id, price).await? {
            return Err(answer::not_found());
        }
        changing.caches.prices.invalidate(&id).await.map_err(|error| answer::unheard(&error))?;
        Ok(StatusCode::NO_CONTENT)
    };
    app.finish(change).await
}

impl Parts {
    fn whole(&self) -> Whole<'_> {
        Whole { product: &self.product, inventory: *self.inventory, price: *self.price }
    }
}

/// A hit is what came out of caches in all its parts; it stays fresh as long as the first to end.
fn headers<'a>(all: impl IntoIterator<Item = &'a Parts>) -> CacheHeaders {
    let all = all.into_iter().flat_map(|Parts { product, inventory, price }| {
        [
            (product.is_hit(), product.ttl(), CacheHeaders::of(product)),
            (inventory.is_hit(), inventory.ttl(), CacheHeaders::of(inventory)),
            (price.is_hit(), price.ttl(), CacheHeaders::of(price)),
        ]
    });
    let worst = all.min_by_key(|(is_hit, ttl, _)| (*is_hit, *ttl));
    worst.map_or(CacheHeaders::miss(), |(_, _, headers)| headers)
}

/// What a query for one id found.
async fn first<V>(
    found: impl Future<Output = Result<Vec<(RecordId, V)>, DatabaseError>>,
) -> Result<Option<V>, DatabaseError> {
    Ok(found.await?.into_iter().next().map(|(_, value)| value))
}
