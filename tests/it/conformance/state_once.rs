//! Work that is done once, values that are used once.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use redstart_connection::Timestamp;
use redstart_keys::{Category, Entity, Ttl};
use redstart_state::{
    Digest, Fingerprint,
    operations::{
        Abandon, Attempt, Begin, Begun, Complete, FirstUse, IssueToken, RedeemToken, Renew, RevokeToken,
    },
};

use super::{World, way};

const WORK: Entity<u8> = Entity::new(Category::Idempotency, "work").ttl(Ttl::hours(24));
const JTI: Entity<u8> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));
const RESET: Entity<u8> = Entity::new(Category::Verification, "reset").ttl(Ttl::minutes(30));
/// Times are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Begin { id: u8, owner: u8, print: u8 },
    Complete { id: u8, owner: u8 },
    Abandon { id: u8, owner: u8 },
    Renew { id: u8, owner: u8 },
    Use { id: u8, units: u64, twice: bool },
    Issue { id: u8, token: u8 },
    Redeem { id: u8, token: u8, twice: bool },
    Revoke(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (id, owner, token) = (0..2_u8, 0..3_u8, 0..3_u8);
    prop_oneof![
        6 => (id.clone(), owner.clone(), 0..2_u8).prop_map(|(id, owner, print)| Step::Begin { id, owner, print }),
        3 => (id.clone(), owner.clone()).prop_map(|(id, owner)| Step::Complete { id, owner }),
        2 => (id.clone(), owner.clone()).prop_map(|(id, owner)| Step::Abandon { id, owner }),
        2 => (id.clone(), owner).prop_map(|(id, owner)| Step::Renew { id, owner }),
        4 => (id.clone(), 0..12_u64, any::<bool>()).prop_map(|(id, units, twice)| Step::Use { id, units, twice }),
        3 => (id.clone(), token.clone()).prop_map(|(id, token)| Step::Issue { id, token }),
        4 => (id.clone(), token, any::<bool>()).prop_map(|(id, token, twice)| Step::Redeem { id, token, twice }),
        1 => id.prop_map(Step::Revoke),
        3 => (1..4_u64).prop_map(Step::Advance),
    ]
}

/// The attempts of a history: each owner keeps its token for an id and a request.
#[derive(Default)]
struct Attempts(BTreeMap<(u8, u8), Attempt>);

impl Attempts {
    fn get(&mut self, id: u8, owner: u8, print: u8) -> Attempt {
        let attempt = || Attempt::new(WORK.key(&id), Fingerprint::of(&[&[print]]));
        self.0.entry((id, owner)).or_insert_with(attempt).clone()
    }
}

/// Whole units, since the server's lease has run for as long as the case has.
fn view(begun: Begun) -> (u8, Bytes, u128) {
    match begun {
        Begun::New => (0, Bytes::new(), 0),
        Begun::Mismatch => (1, Bytes::new(), 0),
        Begun::Running { expires_in } => {
            (2, Bytes::new(), expires_in.as_millis().div_ceil(1_000 * u128::from(UNIT)))
        }
        Begun::Done(answer) => (3, answer, 0),
    }
}

fn digest(token: u8) -> Digest {
    Digest::of(&[&[token]])
}

fn run(world: &World, attempts: &mut Attempts, step: &Step) {
    let lease = Ttl::seconds(2 * UNIT);
    match *step {
        Step::Begin { id, owner, print } => {
            world.agree_on(&Begin::new(attempts.get(id, owner, print), lease), view);
        }
        Step::Complete { id, owner } => {
            let answer = Bytes::from(vec![owner, 0, 0xff, b'"']);
            let attempt = attempts.get(id, owner, 0);
            world.agree(&Complete::new(attempt, answer, Ttl::seconds(8 * UNIT)));
        }
        Step::Abandon { id, owner } => world.agree(&Abandon::new(attempts.get(id, owner, 0))),
        Step::Renew { id, owner } => world.agree(&Renew::new(attempts.get(id, owner, 0), lease)),
        Step::Use { id, units, twice } => {
            let until = Timestamp::from_micros(world.now()).saturating_add(Duration::from_secs(units * UNIT));
            let first_use = FirstUse::new(JTI.key(&id), until, Ttl::seconds(10 * UNIT));
            world.agree(&first_use);
            if twice {
                world.agree(&first_use);
            }
        }
        Step::Issue { id, token } => {
            let value = Bytes::from(vec![token, 0xff]);
            world.agree(&IssueToken::new(RESET.key(&id), digest(token), value, Ttl::seconds(5 * UNIT)));
        }
        Step::Redeem { id, token, twice } => {
            let redeem = RedeemToken::new(RESET.key(&id), digest(token));
            world.agree(&redeem);
            if twice {
                world.agree(&redeem);
            }
        }
        Step::Revoke(id) => world.agree(&RevokeToken::new(RESET.key(&id))),
        Step::Advance(units) => world.advance(Duration::from_secs(units * UNIT)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_done_once_is_done_alike(history in prop::collection::vec(step(), 1..60), way in way()) {
        let world = World::over(way);
        let mut attempts = Attempts::default();
        for step in &history {
            run(&world, &mut attempts, step);
        }
    }
}
