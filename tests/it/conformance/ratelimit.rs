//! Charging, charging all or none, looking, forgetting.

use std::{num::NonZeroU32, time::Duration};

use proptest::prelude::*;
use redstart_keys::Ttl;
use redstart_ratelimit::{
    Concurrency, Policy, Subject,
    operations::{Block, Charge, Hold, Peek, Refund, Refunds, Reset, Take, TakeAll, TakeSome},
};

use super::{World, way};

const POLICIES: [Policy; 7] = [
    Policy::per("narrow", 1, Duration::from_secs(5)),
    Policy::per("window", 4, Duration::from_secs(10)),
    Policy::per("counter", 200, Duration::from_secs(30)),
    Policy::per("burst", 10, Duration::from_secs(10)).burst(3),
    // An interval that is no whole number of microseconds.
    Policy::per("uneven", 7, Duration::from_secs(10)).burst(7),
    Policy::per("fixed", 4, Duration::from_secs(10)).fixed_window(),
    Policy::per("bucket", 3, Duration::from_secs(4)).bucket(7),
];

#[derive(Clone, Debug)]
enum Step {
    Take(Call),
    TakeAll(Vec<Call>),
    TakeSome(Call),
    TakeAndRefund(Call, u64),
    Block(Call, u64),
    Peek(Call),
    Reset(usize, u64),
    Advance(u64),
    SetBack(u64),
}

#[derive(Clone, Copy, Debug)]
struct Call {
    policy: usize,
    subject: u64,
    cost: u32,
}

impl Call {
    fn charge(self) -> Option<Charge> {
        Charge::new(&POLICIES[self.policy], &Subject::from(self.subject), NonZeroU32::new(self.cost)?)
    }
}

fn call() -> impl Strategy<Value = Call> {
    let cost = prop_oneof![6 => 1..3_u32, 1 => 1..150_u32];
    (0..POLICIES.len(), 0..2_u64, cost).prop_map(|(policy, subject, cost)| Call { policy, subject, cost })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => call().prop_map(Step::Take),
        3 => prop::collection::vec(call(), 1..5).prop_map(Step::TakeAll),
        2 => call().prop_map(Step::TakeSome),
        2 => (call(), 0..12_000_000_u64).prop_map(|(call, later)| Step::TakeAndRefund(call, later)),
        1 => (call(), 0..20_000_000_u64).prop_map(|(call, length)| Step::Block(call, length)),
        1 => (0..20_000_000_u64).prop_map(Step::SetBack),
        2 => call().prop_map(Step::Peek),
        1 => (0..POLICIES.len(), 0..2_u64).prop_map(|(policy, subject)| Step::Reset(policy, subject)),
        4 => (0..8_000_000_u64).prop_map(Step::Advance),
        1 => (0..200_000_000_u64).prop_map(Step::Advance),
    ]
}

fn run(world: &World, step: Step) {
    let least = Ttl::hours(1);
    match step {
        Step::Take(call) => {
            if let Some(charge) = call.charge() {
                world.agree(&Take::new(charge, least));
            }
        }
        Step::TakeAll(calls) => {
            let charges: Vec<Charge> = calls.into_iter().filter_map(Call::charge).collect();
            if !charges.is_empty() {
                world.agree(&TakeAll::new(charges, least));
            }
        }
        Step::TakeSome(call) => {
            if let Some(charge) = call.charge() {
                world.agree(&TakeSome::new(charge, least));
            }
        }
        Step::TakeAndRefund(call, later) => {
            if let Some(charge) = call.charge() {
                let answer = world.agreed(&Take::new(charge.clone(), least));
                world.advance(Duration::from_micros(later));
                if answer.retry_after.is_none() {
                    world.agree(&Refunds::new(vec![Refund::new(charge, &answer)], least));
                }
            }
        }
        Step::Block(call, length) => {
            let (policy, subject) = (&POLICIES[call.policy], Subject::from(call.subject));
            world.agree(&Block::new(policy, &subject, Duration::from_micros(length), least));
        }
        Step::SetBack(micros) => world.step_back(Duration::from_micros(micros)),
        Step::Peek(call) => {
            if let Some(charge) = call.charge() {
                world.agree(&Peek::new(charge));
            }
        }
        Step::Reset(policy, subject) => world.agree(&Reset::new(&POLICIES[policy], &Subject::from(subject))),
        Step::Advance(micros) => world.advance(Duration::from_micros(micros)),
    }
}

const PLACES: Concurrency = Concurrency::new("places", 3).lease(Duration::from_secs(5));

#[derive(Clone, Copy, Debug)]
enum Move {
    Enter(u64),
    Stay(u64),
    Leave(u64),
    Advance(u64),
    SetBack(u64),
}

fn one_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        5 => (0..6_u64).prop_map(Move::Enter),
        3 => (0..6_u64).prop_map(Move::Stay),
        3 => (0..6_u64).prop_map(Move::Leave),
        4 => (0..4_000_000_u64).prop_map(Move::Advance),
        1 => (0..20_000_000_u64).prop_map(Move::SetBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn places_are_held_alike(history in prop::collection::vec(one_move(), 1..60), way in way()) {
        let world = World::over(way);
        let enter = |token| Hold::enter(&PLACES, &Subject::from(1), token, Ttl::hours(1));
        for step in history {
            match step {
                Move::Enter(token) => world.agree(&enter(token)),
                Move::Stay(token) => world.agree(&enter(token).stay()),
                Move::Leave(token) => world.agree(&enter(token).leave()),
                Move::Advance(micros) => world.advance(Duration::from_micros(micros)),
                Move::SetBack(micros) => world.step_back(Duration::from_micros(micros)),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn limiter_answers_alike(history in prop::collection::vec(step(), 1..60), way in way()) {
        let world = World::over(way);
        for step in history {
            run(&world, step);
        }
    }
}
