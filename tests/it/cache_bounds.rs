//! What a cache leaves behind on the server, which is nothing.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use redstart_cache::{Cache, Loaded, Tag};
use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{RedisServer, TimeMachine, fresh_prefix};

use crate::support::GUARD;

const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
const PRODUCTS: u64 = 10_000;
const BATCH: usize = 500;

fn tags(id: u64) -> [Tag; 3] {
    [format!("seller-{}", id % 500), format!("brand-{}", id % 90), "all".to_owned()]
        .map(|text| Tag::new(text).unwrap())
}

#[tokio::test]
async fn ten_thousand_keys_with_tags_leave_nothing_behind() {
    // Its own server, since every key there is counted again and again.
    let server = RedisServer::start();
    let mut time = TimeMachine::new(&server, &fresh_prefix());
    let config = Config::from_url(&server.url()).unwrap().with_prefix(time.prefix()).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let store = Store::lazy_with(&config, time.clock()).unwrap();
    let products = Cache::<u64, u64>::new(&store, &PRODUCT);
    let ids: Vec<u64> = (0..PRODUCTS).collect();
    for ids in ids.chunks(BATCH) {
        let load = |missing: Vec<u64>| async move {
            let tagged = |id| tags(id).into_iter().fold(Loaded::new(id), Loaded::tag);
            Ok::<_, Infallible>(missing.into_iter().map(|id| (id, tagged(id))).collect::<Vec<_>>())
        };
        let loaded: HashMap<u64, _> = products.get_many_or_load(ids, load).await.unwrap();
        assert_eq!(loaded.len(), BATCH);
    }
    let mut raw = server.raw();
    let present = raw.keys(time.prefix());
    let values = present.iter().filter(|name| name.contains("product:{")).count();
    assert_eq!(values, 10_000, "values alone: no ticket is left");
    // 500 sellers, 90 brands, all of them; the sequencer, the floor, the stream.
    assert_eq!(present.len(), 10_000 + 591 + 3);
    assert!(raw.keys_without_ttl(time.prefix()).is_empty());
    // Their hour, and the stamps that judge them live a little longer.
    time.advance(Duration::from_secs(3 * 3600));
    let left = raw.keys(time.prefix());
    assert!(left.iter().all(|name| name.ends_with("#seq") || name.ends_with("#inv")), "{left:?}");
    time.advance(Duration::from_secs(8 * 24 * 3600));
    assert_eq!(raw.keys(time.prefix()), [] as [String; 0]);
}
