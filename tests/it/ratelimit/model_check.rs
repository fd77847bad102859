//! Limiters against the model: on the server, in memory and on paper, every answer is the same.

use std::{num::NonZeroU32, time::Duration};

use proptest::prelude::*;
use redstart_keys::Ttl;
use redstart_ratelimit::{
    Policy, Reading, Subject,
    operations::{Block, Charge, Peek, Refund, Refunds, Take, TakeSome},
};

use super::model::{Kind, Model, Step, Told};
use crate::conformance::{Way, World};

const SECOND: u64 = 1_000_000;

/// Each policy as it is, and as it is after a change.
///
/// The time in which a window or a bucket forgets stays: what a longer one would bring back is kept
/// only by chance.
const POLICIES: [[Policy; 2]; 6] = [
    [per("narrow", 1, 5), per("narrow", 3, 5)],
    [per("log", 5, 10), per("log", 60, 10)],
    [per("counter", 200, 30), per("counter", 150, 30)],
    // An interval that is no whole number of microseconds.
    [per("burst", 7, 10).burst(3), per("burst", 10, 9).burst(5)],
    [per("fixed", 4, 10).fixed_window(), per("fixed", 2, 6).fixed_window()],
    [per("bucket", 3, 4).bucket(7), per("bucket", 3, 4).bucket(5)],
];

const fn per(name: &'static str, limit: u32, seconds: u64) -> Policy {
    Policy::per(name, limit, Duration::from_secs(seconds))
}

/// What the documentation says of each policy, in the model's words.
const KINDS: [[Kind; 2]; 6] = [
    [window(1, 5, 1), window(3, 5, 1)],
    [window(5, 10, 1), window(60, 10, 1)],
    [window(200, 30, 468_750), window(150, 30, 468_750)],
    [Kind::Burst { size: 3, interval: 1_428_572 }, Kind::Burst { size: 5, interval: 900_000 }],
    [Kind::Fixed { limit: 4, period: 10 * SECOND }, Kind::Fixed { limit: 2, period: 6 * SECOND }],
    [
        Kind::Bucket { size: 7, refill: 3, period: 4 * SECOND },
        Kind::Bucket { size: 5, refill: 3, period: 4 * SECOND },
    ],
];

const fn window(limit: u64, seconds: u64, grain: u64) -> Kind {
    Kind::Window { limit, period: seconds * SECOND, grain }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Call { subject: u64, does: Does },
    Refund { charge: usize },
    Change,
    Advance(u64),
    StepBack(u64),
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Take(u32),
    TakeSome(u32),
    Peek(u32),
    Block(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let cost = || prop_oneof![6 => 1..4_u32, 1 => 1..150_u32];
    let does = prop_oneof![
        8 => cost().prop_map(Does::Take),
        2 => cost().prop_map(Does::TakeSome),
        2 => cost().prop_map(Does::Peek),
        1 => (0..6 * SECOND).prop_map(Does::Block),
    ];
    prop_oneof![
        12 => (0..2_u64, does).prop_map(|(subject, does)| Event::Call { subject, does }),
        3 => (0..8_usize).prop_map(|charge| Event::Refund { charge }),
        1 => Just(Event::Change),
        5 => (0..4 * SECOND).prop_map(Event::Advance),
        1 => (0..60 * SECOND).prop_map(Event::Advance),
        1 => (0..30 * SECOND).prop_map(Event::StepBack),
    ]
}

/// A charge that was answered.
struct Charged {
    subject: u64,
    charge: Charge,
    answer: Reading,
    cost: u64,
    until: u64,
    used: u64,
}

/// One limiter of each subject, in the world and on paper.
struct Check<'a> {
    world: &'a World,
    model: Model,
    policy: usize,
    version: usize,
    charged: Vec<Charged>,
}

impl Check<'_> {
    fn play(&mut self, event: Event) {
        match event {
            Event::Advance(micros) => self.world.advance(Duration::from_micros(micros)),
            Event::StepBack(micros) => self.world.step_back(Duration::from_micros(micros)),
            Event::Change => self.version = 1 - self.version,
            Event::Refund { charge } => {
                if charge < self.charged.len() {
                    let charged = self.charged.swap_remove(charge);
                    self.refund(charged);
                }
            }
            Event::Call { subject, does } => self.call(subject, does),
        }
    }

    fn call(&mut self, subject: u64, does: Does) {
        let policy = &POLICIES[self.policy][self.version];
        let (id, least) = (Subject::from(subject), Ttl::hours(1));
        let charge = |cost: u32| Charge::new(policy, &id, NonZeroU32::new(cost).unwrap());
        let (told, expected, charge) = match does {
            Does::Take(cost) => {
                let Some(charge) = charge(cost) else { return };
                let answer = self.world.agreed(&Take::new(charge.clone(), least));
                let charged = if answer.retry_after.is_none() { cost } else { 0 };
                (told(&answer, charged), self.step(subject, Step::Take(cost.into())), Some((charge, answer)))
            }
            Does::TakeSome(cost) => {
                let Some(charge) = charge(cost) else { return };
                let (charged, answer) = self.world.agreed(&TakeSome::new(charge, least));
                let granted = NonZeroU32::new(charged).and_then(|cost| Charge::new(policy, &id, cost));
                let expected = self.step(subject, Step::TakeSome(cost.into()));
                (told(&answer, charged), expected, granted.map(|charge| (charge, answer)))
            }
            Does::Peek(cost) => {
                let Some(charge) = charge(cost) else { return };
                let answer = self.world.agreed(&Peek::new(charge));
                (told(&answer, 0), self.step(subject, Step::Peek(cost.into())), None)
            }
            Does::Block(micros) => {
                let block = Block::new(policy, &id, Duration::from_micros(micros), least);
                (told(&self.world.agreed(&block), 0), self.step(subject, Step::Block(micros)), None)
            }
        };
        assert_eq!(told, expected, "{does:?} of {}: they answered left, the model right", policy.name());
        if let Some((charge, answer)) = charge.filter(|_| 0 < told.3) {
            let until = self.world.now() + told.1;
            let capacity = match KINDS[self.policy][self.version] {
                Kind::Window { limit, .. } | Kind::Fixed { limit, .. } => limit,
                Kind::Burst { size, .. } | Kind::Bucket { size, .. } => size,
            };
            let used = capacity.saturating_sub(told.0);
            self.charged.push(Charged { subject, charge, answer, cost: told.3, until, used });
        }
    }

    fn refund(&mut self, charged: Charged) {
        let Charged { subject, charge, answer, cost, until, used } = charged;
        // A charge is taken back by the policy that made it.
        let Some(version) = (0..2).find(|&version| is_of(&charge, self.policy, version, subject)) else {
            return;
        };
        self.version = version;
        let refunds = Refunds::new(vec![Refund::new(charge, &answer)], Ttl::hours(1));
        let answer = self.world.agreed(&refunds);
        let expected = self.step(subject, Step::Refund { cost, until, used });
        assert_eq!(told(&answer[0], 0), expected, "a refund: they answered left, the model right");
    }

    fn step(&mut self, subject: u64, step: Step) -> Told {
        let kind = KINDS[self.policy][self.version];
        self.model.step((self.policy, subject), kind, step, self.world.now())
    }
}

fn is_of(charge: &Charge, policy: usize, version: usize, subject: u64) -> bool {
    let one = NonZeroU32::MIN;
    let other = Charge::new(&POLICIES[policy][version], &Subject::from(subject), one);
    other.is_some_and(|other| other.is_same_limiter(charge))
}

fn told(answer: &Reading, charged: u32) -> Told {
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap();
    let wait = answer.retry_after.map_or(0, micros);
    (answer.remaining.into(), micros(answer.reset_after), wait, charged.into())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn server_memory_and_model_answer_alike(
        policy in 0..POLICIES.len(),
        history in prop::collection::vec(event(), 1..80),
    ) {
        let world = World::over(Way::Tcp);
        let mut check = Check { world: &world, model: Model::default(), policy, version: 0, charged: Vec::new() };
        for event in history {
            check.play(event);
        }
    }
}
