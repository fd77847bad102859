//! Reading, tickets, fills, puts, invalidations, sweeps.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use redstart_cache::{Fill, FillEntry, Invalidate, Mint, Put, Read, SweepPage, Take, sweep};
use redstart_keys::{Category, Entity, Key, Ttl};

use super::World;

const ITEM: Entity<u8> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));
const NOTE: Entity<u8> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();
/// Lifetimes and steps are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Read(Vec<Key>),
    Mint,
    Take { keys: Vec<Key>, token: u8, ttl: u64 },
    Fill(Vec<(Key, u8, Vec<u8>, u64)>),
    Put { key: Key, bytes: Vec<u8>, ttl: u64 },
    Invalidate(Key),
    Sweep(bool),
    Advance(u64),
}

fn key() -> impl Strategy<Value = Key> {
    (any::<bool>(), 0..3_u8).prop_map(|(plain, id)| if plain { NOTE.key(&id) } else { ITEM.key(&id) })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..4)
}

/// Bytes with a header of that stamp, or without any.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let stamped = (0..600_u64, any::<u8>()).prop_map(|(stamp, payload)| {
        let mut bytes = vec![0xC5, 1, 0];
        bytes.extend(stamp.to_be_bytes());
        bytes.extend([0; 20]);
        bytes.push(payload);
        bytes
    });
    prop_oneof![stamped, prop::collection::vec(any::<u8>(), 0..40)]
}

fn ttl() -> impl Strategy<Value = u64> {
    (1..5_u64).prop_map(|units| units * UNIT)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => keys().prop_map(Step::Read),
        1 => Just(Step::Mint),
        3 => (keys(), 0..4_u8, ttl()).prop_map(|(keys, token, ttl)| Step::Take { keys, token, ttl }),
        4 => prop::collection::vec((key(), 0..4_u8, value(), ttl()), 1..3).prop_map(Step::Fill),
        3 => (key(), value(), ttl()).prop_map(|(key, bytes, ttl)| Step::Put { key, bytes, ttl }),
        1 => key().prop_map(Step::Invalidate),
        1 => any::<bool>().prop_map(Step::Sweep),
        2 => ttl().prop_map(Step::Advance),
    ]
}

fn sequencer() -> Key {
    Key::namespace(Category::Cache, "item", "seq")
}

fn run(world: &World, step: Step) {
    match step {
        Step::Read(keys) => world.agree(&Read::new(keys)),
        Step::Mint => world.agree(&Mint::new(sequencer())),
        Step::Take { keys, token, ttl } => {
            world.agree(&Take::new(keys, sequencer(), token.to_string(), Ttl::seconds(ttl)));
        }
        Step::Fill(entries) => {
            let entry = |(key, token, bytes, ttl): (Key, u8, Vec<u8>, u64)| {
                FillEntry::new(key, token.to_string(), Bytes::from(bytes), Ttl::seconds(ttl))
            };
            world.agree(&Fill::new(entries.into_iter().map(entry).collect()));
        }
        Step::Put { key, bytes, ttl } => world.agree(&Put::new(key, Bytes::from(bytes), Ttl::seconds(ttl))),
        Step::Invalidate(key) => world.agree(&Invalidate::new(key)),
        Step::Sweep(plain) => {
            let pattern = if plain { NOTE.pattern() } else { ITEM.pattern() };
            let removed = [&world.redis, &world.memory]
                .map(|store| world.block_on(sweep(store, &pattern)).unwrap().removed);
            assert_eq!(
                removed[0],
                removed[1],
                "{} differs",
                <SweepPage as redstart_connection::Operation>::NAME
            );
        }
        Step::Advance(seconds) => world.advance(Duration::from_secs(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn cache_answers_alike(history in prop::collection::vec(step(), 1..40)) {
        let world = World::new();
        for step in history {
            run(&world, step);
        }
    }
}
