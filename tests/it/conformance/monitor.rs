//! Looking at the store.
//!
//! What a server says of itself has no twin in memory, so these are compared in that both answer:
//! `Ping`, `FetchInfo`, `FetchSlowLog`, and the door's own `Command`, which memory refuses by design.

use redstart_connection::{Cmd, ErrorKind, ScanCursor};
use redstart_keys::{Category, Entity, Pattern, Ttl};
use redstart_monitor::{
    Ask, Census, CensusPlan, CensusRound, FetchInfo, FetchNodes, FetchSlowLog, Ping, ScanKeys, ServerClock,
    Told,
};

use super::World;

const ITEM: Entity<u8> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));

#[test]
fn both_answer() {
    let world = World::new();
    world.agree_on(&Ping::default(), |_| ());
    world.agree_on(&FetchInfo::default(), |_| ());
    world.agree_on(&FetchSlowLog::new(10), |_| ());
    world.agree_on(&FetchNodes::default(), |nodes| nodes.len());
}

#[test]
fn questions_are_for_servers() {
    let world = World::new();
    let question = Ask(ServerClock::default());
    let ask = |store: &redstart_connection::Store| world.block_on(store.run(&question));
    assert!(ask(&world.redis).unwrap().known().is_some());
    assert_eq!(ask(&world.memory).unwrap(), Told::NotOffered);
}

#[test]
fn a_census_counts_the_same_keys() {
    let world = World::new();
    for id in 0..40 {
        world.agree(&redstart_cache::Mint::new(ITEM.key(&id)));
    }
    let count = |store: &redstart_connection::Store| {
        let census = world.block_on(Census::take(store, &CensusPlan::new(), |_| {})).unwrap();
        (
            census.complete,
            census.counted,
            census.categories.into_iter().map(|of| (of.category, of.keys)).collect::<Vec<_>>(),
        )
    };
    assert_eq!(count(&world.redis), (true, 40, vec![("cache", 40)]));
    assert_eq!(count(&world.redis), count(&world.memory));
    let round = CensusRound::new(&world.memory, Pattern::all());
    let page = world.block_on(world.memory.run(&round)).unwrap();
    assert!(page.next.is_none() && page.keys.iter().all(|key| key.ends));
}

#[test]
fn command_is_for_servers() {
    let world = World::new();
    let ping = |store: &redstart_connection::Store| world.block_on(store.command(Cmd::new("PING")));
    assert!(ping(&world.redis).is_ok());
    assert_eq!(ping(&world.memory).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn scan_finds_the_same_keys() {
    let world = World::new();
    for id in 0..40 {
        world.agree(&redstart_cache::Mint::new(ITEM.key(&id)));
    }
    let names = |store: &redstart_connection::Store| {
        let mut names = Vec::new();
        let mut cursor = ScanCursor::default();
        loop {
            let page = world.block_on(store.run(&ScanKeys::new(store, Pattern::all(), cursor))).unwrap();
            names.extend(page.keys.into_iter().map(|key| key.name));
            let Some(next) = page.next else {
                names.sort();
                names.dedup();
                return names;
            };
            cursor = next;
        }
    };
    let on_redis = names(&world.redis);
    assert_eq!(on_redis.len(), 40, "{on_redis:?}");
    assert_eq!(on_redis, names(&world.memory));
}
