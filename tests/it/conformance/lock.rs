//! Taking, prolonging, giving back, taking away, looking.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use redstart_connection::Operation;
use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::{
    Fence,
    operations::{
        Acquire, AcquireFree, Acquired, Extend, ForceRelease, Free, GiveBack, GiveBackManyUnwaited,
        GiveBackUnwaited, HandOn, HandedOn, Holding, Inspect, Keeps, RaiseFence, Raises, TakeFree,
        TakeManyFree, Token,
    },
};

use super::{Way, World, way};

const LOCK: Entity<u8> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
/// Leases and steps are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Acquire { lock: u8, token: u8, ttl: u64, waits: bool, is_fair: bool },
    AcquireFree { lock: u8, token: u8, ttl: u64 },
    TakeFree { locks: Vec<u8>, token: u8, ttl: u64 },
    Extend { lock: u8, token: u8, ttl: u64 },
    GiveBackUnwaited { locks: Vec<u8>, token: u8 },
    GiveBack { lock: u8, token: u8, knows_fence: bool },
    HandOn { lock: u8, token: u8, next: u8, ttl: u64 },
    RaiseFence { lock: u8, token: u8, by: u64 },
    ForceRelease(u8),
    Inspect(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (lock, token, ttl) = (0..2_u8, 0..3_u8, (1..5_u64).prop_map(|units| units * UNIT));
    // One lock alone is another operation than several.
    let locks = prop::sample::subsequence(vec![0_u8, 1], 1..=2);
    prop_oneof![
        6 => (lock.clone(), token.clone(), ttl.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(lock, token, ttl, waits, is_fair)| Step::Acquire { lock, token, ttl, waits, is_fair }),
        2 => (lock.clone(), token.clone(), ttl.clone())
            .prop_map(|(lock, token, ttl)| Step::AcquireFree { lock, token, ttl }),
        3 => (locks.clone(), token.clone(), ttl.clone())
            .prop_map(|(locks, token, ttl)| Step::TakeFree { locks, token, ttl }),
        2 => (locks, token.clone()).prop_map(|(locks, token)| Step::GiveBackUnwaited { locks, token }),
        3 => (lock.clone(), token.clone(), ttl.clone()).prop_map(|(lock, token, ttl)| Step::Extend { lock, token, ttl }),
        3 => (lock.clone(), token, any::<bool>())
            .prop_map(|(lock, token, knows_fence)| Step::GiveBack { lock, token, knows_fence }),
        3 => (lock.clone(), 0..3_u8, 0..3_u8, ttl.clone())
            .prop_map(|(lock, token, next, ttl)| Step::HandOn { lock, token, next, ttl }),
        1 => (lock.clone(), 0..3_u8, 0..3_u64).prop_map(|(lock, token, by)| Step::RaiseFence { lock, token, by }),
        1 => lock.clone().prop_map(Step::ForceRelease),
        1 => lock.prop_map(Step::Inspect),
        2 => ttl.prop_map(Step::Advance),
        2 => (1..3_u64).prop_map(Step::Advance),
    ]
}

/// Whole units, since the server's lease has run for as long as the case has.
fn in_units(left: Option<Duration>) -> Option<u128> {
    left.map(|left| left.as_millis().div_ceil(1_000 * u128::from(UNIT)))
}

fn run(world: &World, raises: &[Raises; 2], fences: &mut BTreeMap<(u8, u8), Fence>, step: &Step) {
    // One name stands within another, and one is written with more bytes than letters.
    let (key, name) =
        (|lock: u8| LOCK.key(&lock), |token: u8| Token::new(["me", "me too", "Zoë"][usize::from(token)]));
    match *step {
        Step::Acquire { lock, token, ttl, waits, is_fair } => {
            let acquire = Acquire::new(&key(lock), name(token), Ttl::seconds(ttl));
            let acquire = if waits { acquire.waiting() } else { acquire };
            let acquire = if is_fair { acquire.fair() } else { acquire };
            let granted = std::cell::Cell::new(None);
            world.agree_on(&acquire, |acquired| match acquired {
                Acquired::Granted { fence } => {
                    granted.set(Some(fence));
                    (Some(fence), None)
                }
                Acquired::Busy { expires_in, last_fence } => (last_fence, in_units(expires_in)),
            });
            if let Some(fence) = granted.get() {
                let before = fences.insert((lock, token), fence);
                assert!(before.is_none_or(|before| before < fence), "fences never go back");
            }
        }
        Step::AcquireFree { lock, token, ttl } => {
            let granted = std::cell::Cell::new(None);
            world.agree_on(
                &AcquireFree::new(&key(lock), name(token), Ttl::seconds(ttl)),
                |free| match free {
                    Free::Granted { fence } => {
                        granted.set(Some(fence));
                        (Some(fence), None)
                    }
                    Free::Held { expires_in } => (None, in_units(Some(expires_in))),
                    Free::Unclear => (None, None),
                },
            );
            if let Some(fence) = granted.get() {
                let before = fences.insert((lock, token), fence);
                assert!(before.is_none_or(|before| before < fence), "fences never go back");
            }
        }
        Step::TakeFree { ref locks, token, ttl } => {
            let ask = |lock: &u8, raises| {
                TakeFree::new(AcquireFree::new(&key(*lock), name(token), Ttl::seconds(ttl)), raises)
            };
            let granted = std::cell::RefCell::new(Vec::new());
            let all = |answers: Vec<Free>| {
                granted.replace(answers.clone());
                let shown = |free: &Free| match *free {
                    Free::Granted { fence } => (Some(fence), None),
                    Free::Held { expires_in } => (None, in_units(Some(expires_in))),
                    Free::Unclear => (None, None),
                };
                answers.iter().map(shown).collect::<Vec<_>>()
            };
            match &locks[..] {
                [lock] => {
                    let [on_redis, on_memory] = raises.each_ref().map(|raises| ask(lock, raises));
                    world.agree_between([&on_redis, &on_memory], |free| all(vec![free]));
                }
                locks => {
                    let many = |raises| {
                        let add = |many: TakeManyFree, lock| many.and(ask(lock, raises));
                        locks.iter().fold(TakeManyFree::default(), add)
                    };
                    let [on_redis, on_memory] = raises.each_ref().map(many);
                    world.agree_between([&on_redis, &on_memory], all);
                }
            }
            for (&lock, free) in locks.iter().zip(granted.into_inner()) {
                if let Free::Granted { fence } = free {
                    let before = fences.insert((lock, token), fence);
                    assert!(before.is_none_or(|before| before < fence), "fences never go back");
                }
            }
        }
        Step::GiveBackUnwaited { ref locks, token } => {
            let held = |lock: &u8| GiveBackUnwaited::new(&key(*lock), name(token));
            match &locks[..] {
                [lock] => world.agree(&held(lock)),
                locks => {
                    let add = |many: GiveBackManyUnwaited, lock| many.and(held(lock));
                    world.agree(&locks.iter().fold(GiveBackManyUnwaited::default(), add));
                }
            }
        }
        Step::Extend { lock, token, ttl } => {
            world.agree(&Extend::new(&key(lock), name(token), Ttl::seconds(ttl)));
        }
        Step::GiveBack { lock, token, knows_fence } => {
            let fence = fences.get(&(lock, token)).copied().filter(|_| knows_fence);
            world.agree(&GiveBack::new(&key(lock), name(token), fence));
        }
        Step::HandOn { lock, token, next, ttl } => {
            let hand_on = HandOn::new(&key(lock), name(token), name(next), Ttl::seconds(ttl));
            let granted = std::cell::Cell::new(None);
            world.agree_on(&hand_on, |handed| {
                if let HandedOn::Granted { fence } = handed {
                    granted.set(Some(fence));
                }
                handed
            });
            if let Some(fence) = granted.get() {
                let before = fences.insert((lock, next), fence);
                assert!(before.is_none_or(|before| before < fence), "fences never go back");
            }
        }
        Step::RaiseFence { lock, token, by } => {
            // To what another lock was granted, or this one in the past.
            let Some(fence) = fences.values().copied().nth(usize::try_from(by).unwrap()) else { return };
            world.agree(&RaiseFence::new(&key(lock), &name(token), fence, Ttl::seconds(UNIT)));
        }
        Step::ForceRelease(lock) => world.agree(&ForceRelease::new(&key(lock))),
        Step::Inspect(lock) => world.agree_on(&Inspect::new(&key(lock)), |holding| match holding {
            Holding::Free => None,
            Holding::Held { holder, expires_in, waiting } => Some((holder, in_units(expires_in), waiting)),
        }),
        Step::Advance(seconds) => world.advance(Duration::from_secs(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn lock_answers_alike(history in prop::collection::vec(step(), 1..50), way in way()) {
        let world = World::over(way);
        let none = || [(); 2].map(|()| Raises::new(world.memory.clock()));
        let (mut raises, mut fences) = (none(), BTreeMap::new());
        for mut step in history {
            if let (Step::TakeFree { locks, .. }, Way::Rest) = (&mut step, way) {
                // Nobody knows which server answers, so each takes the script.
                raises = none();
                locks.truncate(1);
            }
            run(&world, &raises, &mut fences, &step);
        }
    }
}

#[test]
fn stores_without_a_bound_keep_all_locks() {
    World::new().agree(&Keeps::default());
}

#[test]
fn locks_never_fall_back_to_memory() {
    let key = LOCK.key(&1);
    assert_eq!(
        Acquire::new(&key, Token::new("a"), Ttl::seconds(1)).outage(),
        redstart_connection::Outage::Fail
    );
}
