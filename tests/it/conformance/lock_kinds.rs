//! Shares of a lock, values under a fence, jobs of a period.

use std::{cell::Cell, collections::HashMap, time::Duration};

use proptest::prelude::*;
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::{
    Fence, Written,
    operations::{
        AcquireShare, Acquired, DonePeriod, Due, ExtendShare, GiveBackShare, InspectShares, ReadFenced,
        Share, Token, WriteFenced,
    },
};

use super::{World, way};

const LOCK: Entity<u8> = Entity::new(Category::Lock, "shared").ttl(Ttl::minutes(5));
/// Leases and steps are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;
const PERIOD: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
enum Step {
    Acquire { share: Share, token: u8, ttl: u64, waits: bool },
    Extend { share: Share, token: u8, ttl: u64 },
    GiveBack { share: Share, token: u8, knows_fence: bool },
    Inspect(Share),
    Write { token: u8, value: u8 },
    Read,
    Due,
    Done(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let share = prop_oneof![
        3 => Just(Share::Read),
        1 => Just(Share::Write),
        3 => Just(Share::Permit { of: 2 }),
    ];
    let (token, ttl) = (0..4_u8, (1..5_u64).prop_map(|units| units * UNIT));
    prop_oneof![
        6 => (share.clone(), token.clone(), ttl.clone(), any::<bool>())
            .prop_map(|(share, token, ttl, waits)| Step::Acquire { share, token, ttl, waits }),
        2 => (share.clone(), token.clone(), ttl.clone())
            .prop_map(|(share, token, ttl)| Step::Extend { share, token, ttl }),
        3 => (share.clone(), token.clone(), any::<bool>())
            .prop_map(|(share, token, knows_fence)| Step::GiveBack { share, token, knows_fence }),
        1 => share.clone().prop_map(Step::Inspect),
        2 => (token, any::<u8>()).prop_map(|(token, value)| Step::Write { token, value }),
        1 => Just(Step::Read),
        1 => Just(Step::Due),
        1 => (0..3_u8).prop_map(Step::Done),
        2 => ttl.prop_map(Step::Advance),
        2 => (1..3_u64).prop_map(Step::Advance),
    ]
}

fn in_units(left: Option<Duration>) -> Option<u128> {
    left.map(|left| left.as_millis().div_ceil(1_000 * u128::from(UNIT)))
}

struct Seen {
    fences: HashMap<(Key, u8), Fence>,
    period: u64,
}

fn run(world: &World, seen: &mut Seen, step: &Step) {
    let key = |share: Share| match share {
        Share::Permit { .. } => LOCK.key(&1),
        Share::Read | Share::Write => LOCK.key(&2),
    };
    let job = LOCK.key(&3);
    let name = |token: u8| Token::new(&token.to_string());
    match *step {
        Step::Acquire { share, token, ttl, waits } => {
            let acquire = AcquireShare::new(&key(share), share, name(token), Ttl::seconds(ttl));
            let acquire = if waits { acquire.waiting() } else { acquire };
            let granted = Cell::new(None);
            world.agree_on(&acquire, |acquired| match acquired {
                Acquired::Granted { fence } => {
                    granted.set(Some(fence));
                    (Some(fence), None)
                }
                Acquired::Busy { expires_in, last_fence } => (last_fence, in_units(expires_in)),
            });
            if let Some(fence) = granted.get() {
                let before = seen.fences.insert((key(share), token), fence);
                assert!(before.is_none_or(|before| before < fence), "fences rise");
            }
        }
        Step::Extend { share, token, ttl } => {
            world.agree(&ExtendShare::new(&key(share), share, name(token), Ttl::seconds(ttl)));
        }
        Step::GiveBack { share, token, knows_fence } => {
            let fence = seen.fences.get(&(key(share), token)).copied().filter(|_| knows_fence);
            world.agree(&GiveBackShare::new(&key(share), share, name(token), fence));
        }
        Step::Inspect(share) => world.agree_on(&InspectShares::new(&key(share)), |mut holders| {
            holders.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            holders
        }),
        Step::Write { token, value } => {
            let Some(fence) = seen.fences.get(&(key(Share::Read), token)).copied() else { return };
            let write = WriteFenced::new(&LOCK.key(&4), fence, vec![value].into(), Ttl::seconds(3 * UNIT));
            world.agree_on(&write, |written| {
                if let Written::Refused { newest } = written {
                    assert!(fence < newest);
                }
                written
            });
        }
        Step::Read => world.agree(&ReadFenced::new(&LOCK.key(&4))),
        Step::Due => {
            let period = Cell::new(seen.period);
            world.agree_on(&Due::new(&job, PERIOD), |due| {
                period.set(due.unwrap_or_else(|| period.get()));
                due
            });
            seen.period = period.get();
        }
        Step::Done(back) => {
            world.agree(&DonePeriod::new(&job, seen.period.saturating_sub(u64::from(back)), PERIOD));
        }
        Step::Advance(seconds) => world.advance(Duration::from_secs(seconds)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn kinds_of_locks_answer_alike(history in prop::collection::vec(step(), 1..50), way in way()) {
        let world = World::over(way);
        let mut seen = Seen { fences: HashMap::new(), period: 0 };
        for step in history {
            run(&world, &mut seen, &step);
        }
    }
}
