//! Codes.

use std::time::Duration;

use proptest::prelude::*;
use redstart_keys::{Category, Entity, Ttl};
use redstart_state::{
    Digest,
    operations::{CodeRule, IssueCode, VerifyCode, VoidCode},
};

use super::{World, way};

const EMAIL: Entity<u8> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
/// Times are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Issue { subject: u8, code: u8, twice: bool },
    Verify { subject: u8, guess: u8, twice: bool },
    Void(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let subject = 0..2_u8;
    prop_oneof![
        3 => (subject.clone(), 0..3_u8, any::<bool>())
            .prop_map(|(subject, code, twice)| Step::Issue { subject, code, twice }),
        6 => (subject.clone(), 0..3_u8, any::<bool>())
            .prop_map(|(subject, guess, twice)| Step::Verify { subject, guess, twice }),
        1 => subject.prop_map(Step::Void),
        4 => (1..5_u64).prop_map(Step::Advance),
    ]
}

fn run(world: &World, step: &Step) {
    let times = |units| Ttl::seconds(units * UNIT);
    let rule = CodeRule::new(times(6), 3, times(2), times(20), 4);
    let digest = |code: u8| Digest::of(&[&[code]]);
    match *step {
        Step::Issue { subject, code, twice } => {
            let issue = IssueCode::new(EMAIL.key(&subject), digest(code), rule);
            for _ in 0..=u8::from(twice) {
                world.agree(&issue);
            }
        }
        Step::Verify { subject, guess, twice } => {
            let verify = VerifyCode::new(EMAIL.key(&subject), digest(guess));
            for _ in 0..=u8::from(twice) {
                world.agree(&verify);
            }
        }
        Step::Void(subject) => world.agree(&VoidCode::new(EMAIL.key(&subject))),
        Step::Advance(units) => world.advance(Duration::from_secs(units * UNIT)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn codes_are_alike(history in prop::collection::vec(step(), 1..60), way in way()) {
        let world = World::over(way);
        for step in &history {
            run(&world, step);
        }
    }
}
