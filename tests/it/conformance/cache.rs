//! Reading, tickets, claims, fills, puts, invalidations, sweeps.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use redstart_cache::{
    Adopt, Await, Claim, Expire, Fill, FillEntry, Invalidate, Judge, Mint, Prolong, Publish, Put, Raise,
    Read, ReadJudged, Release, SurveyPage, SweepPage, Take, survey, sweep,
};
use redstart_connection::{Operation, Timestamp};
use redstart_keys::{Category, Entity, Key, Ttl};

use super::{World, way};

const ITEM: Entity<u8> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));
const NOTE: Entity<u8> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();
/// Lifetimes and steps are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Read(Vec<Key>),
    Mint,
    Take {
        keys: Vec<Key>,
        ttl: u64,
    },
    Claim {
        key: Key,
        removes: bool,
    },
    Fill {
        entries: Vec<(Right, Vec<u8>, u64)>,
        tells: bool,
        tries: u8,
    },
    Await(Key),
    Prolong {
        right: Right,
        ttl: u64,
    },
    Release {
        right: Right,
        rest: Option<u64>,
    },
    Expire {
        key: Key,
        now: u64,
    },
    Put {
        right: Right,
        bytes: Vec<u8>,
        ttl: u64,
        tries: u8,
    },
    Invalidate(Key),
    Sweep {
        plain: bool,
        tickets: bool,
    },
    Raise {
        tag: u8,
        ttl: u64,
    },
    Adopt {
        tags: Vec<u8>,
        ttl: u64,
    },
    Judge(Vec<u8>),
    ReadJudged(Vec<Key>, u8),
    Publish,
    /// Stamps are evicted like everything else.
    Lose(u8),
    Advance(u64),
}

/// The right that a fill or a put shows.
#[derive(Clone, Debug)]
struct Right {
    /// How many others were given out after it.
    age: usize,
    /// The key for which it is shown, when that is not its own.
    elsewhere: Option<Key>,
}

fn key() -> impl Strategy<Value = Key> {
    (any::<bool>(), 0..3_u8).prop_map(|(plain, id)| if plain { NOTE.key(&id) } else { ITEM.key(&id) })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..4)
}

fn right() -> impl Strategy<Value = Right> {
    let age = prop_oneof![3 => Just(0_usize), 1 => 1..6_usize];
    (age, prop::option::weighted(0.2, key())).prop_map(|(age, elsewhere)| Right { age, elsewhere })
}

/// Bytes with a header of that stamp, or without any; few enough that some are equal.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let stamp = prop_oneof![3 => 0..3_u64, 1 => 254..258_u64, 1 => any::<u64>()];
    // Times as long as the moments of an expiry, and longer ones.
    let fresh_for = prop_oneof![3 => 0..4_u64, 1 => Just(1 << 40)];
    let stamped = (stamp, fresh_for, 0..2_u8)
        .prop_map(|(stamp, fresh_for, payload)| lasting(stamp, fresh_for, payload));
    prop_oneof![3 => stamped, 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

fn stamped(stamp: u64, payload: u8) -> Vec<u8> {
    lasting(stamp, 0, payload)
}

/// Created at the epoch, and fresh for so many µs.
fn lasting(stamp: u64, fresh_for: u64, payload: u8) -> Vec<u8> {
    let mut bytes = vec![0xC5, 3, 0];
    bytes.extend(stamp.to_be_bytes());
    bytes.extend([0; 9]);
    bytes.extend(fresh_for.to_be_bytes());
    bytes.extend([0; 12]);
    bytes.push(payload);
    bytes
}

fn ttl() -> impl Strategy<Value = u64> {
    (1..5_u64).prop_map(|units| units * UNIT)
}

fn step() -> impl Strategy<Value = Step> {
    let entries = prop::collection::vec((right(), value(), ttl()), 1..3);
    prop_oneof![
        3 => keys().prop_map(Step::Read),
        1 => Just(Step::Mint),
        3 => (keys(), ttl()).prop_map(|(keys, ttl)| Step::Take { keys, ttl }),
        3 => (key(), prop::bool::weighted(0.3)).prop_map(|(key, removes)| Step::Claim { key, removes }),
        3 => (entries, any::<bool>(), 1..3_u8)
            .prop_map(|(entries, tells, tries)| Step::Fill { entries, tells, tries }),
        2 => key().prop_map(Step::Await),
        2 => (right(), ttl()).prop_map(|(right, ttl)| Step::Prolong { right, ttl }),
        2 => (right(), prop::option::of(ttl())).prop_map(|(right, rest)| Step::Release { right, rest }),
        3 => (key(), 0..4_u64).prop_map(|(key, now)| Step::Expire { key, now }),
        5 => (right(), value(), ttl(), 1..3_u8)
            .prop_map(|(right, bytes, ttl, tries)| Step::Put { right, bytes, ttl, tries }),
        1 => key().prop_map(Step::Invalidate),
        1 => any::<(bool, bool)>().prop_map(|(plain, tickets)| Step::Sweep { plain, tickets }),
        2 => (0..3_u8, ttl()).prop_map(|(tag, ttl)| Step::Raise { tag, ttl }),
        2 => (tags(), ttl()).prop_map(|(tags, ttl)| Step::Adopt { tags, ttl }),
        2 => tags().prop_map(Step::Judge),
        2 => (keys(), 0..3_u8).prop_map(|(keys, tag)| Step::ReadJudged(keys, tag)),
        1 => Just(Step::Publish),
        1 => (0..3_u8).prop_map(Step::Lose),
        2 => ttl().prop_map(Step::Advance),
    ]
}

fn tags() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..3_u8, 1..4)
}

fn stamp(tag: u8) -> Key {
    Key::namespace_id(Category::Cache, "item", "t", &tag)
}

fn stamps(tags: Vec<u8>) -> Vec<Key> {
    tags.into_iter().map(stamp).collect()
}

fn sequencer() -> Key {
    Key::namespace(Category::Cache, "item", "seq")
}

/// A world, and the rights that it has given out.
///
/// Tokens are drawn at random, so each store has one of its own for what is the same right.
struct Histories {
    world: World,
    rights: Vec<(Key, [String; 2])>,
}

impl Histories {
    fn run(&mut self, step: Step) {
        let world = &self.world;
        match step {
            Step::Read(keys) => world.agree(&Read::new(keys)),
            Step::Mint => world.agree(&Mint::new(sequencer())),
            Step::Take { keys, ttl } => self.take(keys, Ttl::seconds(ttl)),
            Step::Claim { key, removes } => {
                let claim = Claim::new(key.clone(), sequencer());
                let claim = if removes { claim.removing() } else { claim };
                let [redis, memory] = self.both([&claim, &claim]);
                assert_eq!(redis.as_of, memory.as_of, "{} differs", Claim::NAME);
                self.rights.push((key, [redis.token, memory.token]));
            }
            Step::Fill { entries, tells, tries } => {
                let fill = |store: usize| {
                    let entry = |(right, bytes, ttl): &(Right, Vec<u8>, u64)| {
                        let (key, token) = self.shown(right, store);
                        FillEntry::new(key, token, Bytes::from(bytes.clone()), Ttl::seconds(*ttl))
                    };
                    let fill = Fill::new(entries.iter().map(entry).collect());
                    if tells { fill.telling_waiters() } else { fill }
                };
                self.agree_each(&[fill(0), fill(1)], tries);
            }
            Step::Put { right, bytes, ttl, tries } => {
                let put = |store: usize| {
                    let (key, token) = self.shown(&right, store);
                    Put::new(key, token, Bytes::from(bytes.clone()), Ttl::seconds(ttl))
                };
                self.agree_each(&[put(0), put(1)], tries);
            }
            Step::Await(key) => world.agree(&Await::new(key)),
            Step::Prolong { right, ttl } => {
                let prolong = |store: usize| {
                    let (key, token) = self.shown(&right, store);
                    Prolong::new(key, token, Ttl::seconds(ttl))
                };
                self.agree_each(&[prolong(0), prolong(1)], 1);
            }
            Step::Release { right, rest } => {
                let release = |store: usize| {
                    let (key, token) = self.shown(&right, store);
                    rest.into_iter()
                        .fold(Release::new(key, token), |release, rest| release.resting(Ttl::seconds(rest)))
                };
                self.agree_each(&[release(0), release(1)], 1);
            }
            Step::Expire { key, now } => world.agree(&Expire::new(key, Timestamp::from_micros(now))),
            Step::Invalidate(key) => world.agree(&Invalidate::new(key)),
            Step::Sweep { plain, tickets } => {
                let pattern = if plain { NOTE.pattern() } else { ITEM.pattern() };
                // Tickets alone go when they are evicted.
                let pattern = if tickets { pattern.companions("g") } else { pattern };
                let matched = [&world.redis, &world.memory]
                    .map(|store| world.block_on(survey(store, &pattern)).unwrap().matched);
                assert_eq!(matched[0], matched[1], "{} differs", SurveyPage::NAME);
                let removed = [&world.redis, &world.memory]
                    .map(|store| world.block_on(sweep(store, &pattern)).unwrap().removed);
                assert_eq!(removed[0], removed[1], "{} differs", SweepPage::NAME);
            }
            Step::Raise { tag, ttl } => {
                world.agree(&Raise::new(stamp(tag), sequencer(), Ttl::seconds(ttl)));
            }
            Step::Adopt { tags, ttl } => {
                world.agree(&Adopt::new(stamps(tags), sequencer(), Ttl::seconds(ttl)));
            }
            Step::Judge(tags) => world.agree(&Judge::new(stamps(tags))),
            Step::ReadJudged(keys, tag) => world.agree(&ReadJudged::new(keys, stamp(tag))),
            Step::Publish => world.agree(&Publish::forget_all()),
            Step::Lose(tag) => world.agree(&Invalidate::new(stamp(tag))),
            Step::Advance(seconds) => world.advance(Duration::from_secs(seconds)),
        }
    }

    fn take(&mut self, keys: Vec<Key>, ttl: Ttl) {
        let take = Take::new(keys.clone(), sequencer(), ttl);
        let [redis, memory] = self.both([&take, &take]);
        assert_eq!(redis.as_of, memory.as_of, "{} differs", Take::NAME);
        assert_eq!((redis.tickets.len(), memory.tickets.len()), (keys.len(), keys.len()));
        for (key, tickets) in keys.into_iter().zip(redis.tickets.into_iter().zip(memory.tickets)) {
            let (Some(redis), Some(memory)) = tickets else {
                assert_eq!(tickets, (None, None), "{} differs", Take::NAME);
                continue;
            };
            assert_eq!(redis.is_new, memory.is_new, "{} differs", Take::NAME);
            assert_eq!(redis.is_of_failure(), memory.is_of_failure(), "{} differs", Take::NAME);
            let given =
                [&redis.token, &memory.token].map(|token| token.trim_start_matches("failed:").to_owned());
            let right = (key, given);
            // A standing ticket is on both the same one of those that were given out.
            assert!(redis.is_new || self.rights.contains(&right), "{} differs", Take::NAME);
            self.rights.push((right.0, [redis.token, memory.token]));
        }
    }

    /// The key and the token that `right` means on that store.
    fn shown(&self, right: &Right, store: usize) -> (Key, String) {
        let given = self.rights.iter().rev().nth(right.age);
        let (key, token) = match given {
            Some((key, tokens)) => (key.clone(), tokens[store].clone()),
            None => (ITEM.key(&0), "none".to_owned()),
        };
        (right.elsewhere.clone().unwrap_or(key), token)
    }

    /// The answers of the server and of the embedded store, each to an operation of its own.
    fn both<O: Operation>(&self, operations: [&O; 2]) -> [O::Output; 2] {
        let Self { world, .. } = self;
        let [redis, memory] = operations;
        [world.block_on(world.redis.run(redis)).unwrap(), world.block_on(world.memory.run(memory)).unwrap()]
    }

    /// Runs the two as often as an attempt and its repetitions would, and compares the answers.
    fn agree_each<O: Operation>(&self, operations: &[O; 2], tries: u8)
    where
        O::Output: std::fmt::Debug + PartialEq,
    {
        for _try in 0..tries {
            let [redis, memory] = self.both(operations.each_ref());
            assert_eq!(redis, memory, "{} differs: the server answered left", O::NAME);
        }
    }
}

#[test]
fn puts_by_every_order_of_stamps_answer_alike() {
    const STAMPS: [u64; 6] = [0, 1, 255, 256, 1 << 63, u64::MAX];
    let mut histories = Histories { world: World::new(), rights: Vec::new() };
    let key = ITEM.key(&1);
    for (present, ours) in STAMPS.into_iter().flat_map(|present| STAMPS.map(|ours| (present, ours))) {
        for claim_is_evicted in [false, true] {
            histories.run(Step::Invalidate(key.clone()));
            for (stamp, payload) in [(present, 0), (ours, 1)] {
                histories.run(Step::Claim { key: key.clone(), removes: false });
                if payload == 1 && claim_is_evicted {
                    histories.run(Step::Sweep { plain: false, tickets: true });
                }
                let right = Right { age: 0, elsewhere: None };
                histories.run(Step::Put { right, bytes: stamped(stamp, payload), ttl: UNIT, tries: 2 });
                histories.run(Step::Read(vec![key.clone()]));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn cache_answers_alike(history in prop::collection::vec(step(), 1..40), way in way()) {
        let mut histories = Histories { world: World::over(way), rights: Vec::new() };
        for step in history {
            histories.run(step);
        }
        // What the answers did not say the values do.
        let all = (0..3).flat_map(|id| [ITEM.key(&id), NOTE.key(&id)]).collect();
        histories.run(Step::Read(all));
    }
}
