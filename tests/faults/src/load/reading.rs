//! A cache that reads what is there.

use redstart_cache::{Cache, L1};
use redstart_keys::{Category, Entity, Ttl};
use tokio::runtime::Handle;

use super::{Load, TASKS};
use crate::Result;

const PAGE: Entity<u64> = Entity::new(Category::Cache, "page").ttl(Ttl::hours(1));

pub(super) async fn start(load: &Load, runtime: &Handle, ids: &[u64]) -> Result {
    let pages = Cache::<u64, String>::builder(&load.store, &PAGE).l1(L1::off()).build();
    for id in ids.iter().take(TASKS) {
        pages.set(id, &"a page of text".to_owned()).await?;
    }
    for &id in ids.iter().take(TASKS) {
        let (worker, pages) = (load.worker(), pages.clone());
        runtime.spawn(async move {
            while let Some(turn) = worker.turn().await {
                // That there is nothing is an answer too.
                turn.note_outcome(&pages.get(&id).await);
                drop(turn);
                worker.pace().await;
            }
        });
    }
    Ok(())
}
