//! Counting uses, ranking them, claiming periods.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use redstart_cache::{ClaimPeriod, NoteUses, Popular, Ranking};
use redstart_keys::{Category, Key, Ttl};

use super::{World, way};

/// Steps of time are multiples of this, so that the real time of a case never decides.
const UNIT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
enum Step {
    Note { hour: u8, uses: Vec<(u8, u64)> },
    Popular { hour: u8, most: u32 },
    Claim { token: u8, ahead: u32 },
    Advance(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let uses =
        prop::collection::vec((0..8_u8, prop_oneof![9 => 0..5_u64, 1 => Just(u64::MAX / 1_000)]), 0..6);
    prop_oneof![
        4 => (0..2_u8, uses).prop_map(|(hour, uses)| Step::Note { hour, uses }),
        3 => (0..2_u8, 0..7_u32).prop_map(|(hour, most)| Step::Popular { hour, most }),
        3 => (0..3_u8, 0..4_u32).prop_map(|(token, ahead)| Step::Claim { token, ahead }),
        3 => (1..12_u32).prop_map(Step::Advance),
    ]
}

fn ranking(hour: u8) -> Ranking {
    Ranking::new(Key::namespace_id(Category::Cache, "item", "use", &hour), Ttl::seconds(20), 5)
}

fn run(world: &World, step: Step) {
    match step {
        Step::Note { hour, uses } => {
            let uses = uses.into_iter().map(|(id, count)| (Bytes::from(format!("id {id}")), count));
            world.agree(&NoteUses::new(ranking(hour), uses.collect()));
        }
        Step::Popular { hour, most } => world.agree(&Popular::new(ranking(hour), most)),
        Step::Claim { token, ahead } => {
            let key = Key::namespace(Category::Cache, "item", "warm");
            world.agree(&ClaimPeriod::new(key, Ttl::seconds(60), UNIT * ahead, format!("token {token}")));
        }
        Step::Advance(units) => world.advance(UNIT * units),
    }
}

#[test]
fn period_is_claimed_once_and_known_again_by_its_token() {
    let world = World::new();
    let claim = |key: &'static str, token: &str| {
        let key = Key::namespace(Category::Cache, key, "warm");
        world.agreed(&ClaimPeriod::new(key, Ttl::seconds(60), Duration::ZERO, token.to_owned())).is_ours
    };
    assert!(claim("item", "a b"));
    assert!(claim("item", "a b"), "the answer to the first try was lost");
    assert!(!claim("item", "c"));
    assert!(claim("other", "c"));
    world.advance(Duration::from_secs(60));
    assert!(claim("item", "c"));
    world.step_back(Duration::from_secs(60));
    assert!(!claim("item", "a b"), "a later period stands");
}

#[test]
fn clock_that_steps_far_back_leaves_a_ranking_that_can_be_read() {
    let world = World::new();
    let note = |id: &'static str| {
        world.agree(&NoteUses::new(ranking(0), vec![(Bytes::from_static(id.as_bytes()), 1)]));
    };
    note("before");
    world.step_back(Duration::from_secs(1_000_000));
    ["before", "after"].into_iter().for_each(note);
    let ranked = world.agreed(&Popular::new(ranking(0), 9));
    assert_eq!(ranked.iter().map(|(id, _)| &id[..]).collect::<Vec<_>>(), [&b"before"[..], b"after"]);
    assert_eq!(ranked[1].1, 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn uses_and_periods_answer_alike(history in prop::collection::vec(step(), 1..30), way in way()) {
        let world = World::over(way);
        history.into_iter().for_each(|step| run(&world, step));
        (0..2).for_each(|hour| run(&world, Step::Popular { hour, most: 9 }));
    }
}
