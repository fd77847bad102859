//! Counts, rankings, visitors, flags.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_state::{
    Digest,
    operations::{
        AddCounts, AddTop, Batch, CountVisitors, ReadCounts, ReadFlag, ReadTop, RemoveFlag, SeeVisitors,
        SetFlag,
    },
};

use super::{World, way};

const VIEWS: Entity<u8> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
const FEATURE: Entity<u8> = Entity::new(Category::Flag, "feature").persistent();
/// Times are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Add { id: u8, writer: u8, number: u64, amounts: Vec<(u64, u64)>, oldest: u64 },
    Read { id: u8, from: u64, length: u64 },
    AddTop { writer: u8, number: u64, amounts: Vec<(u8, u64)> },
    ReadTop(u32),
    See { bucket: u64, visitors: Vec<u8> },
    Count { from: u64, length: u64 },
    SetFlag(u8, u8),
    ReadFlag(u8),
    RemoveFlag(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (id, writer, number) = (0..2_u8, 0..2_u8, 1..6_u64);
    let amounts = prop::collection::vec((5..12_u64, 1..9_u64), 1..4);
    let members = prop::collection::vec((0..6_u8, 1..9_u64), 1..5);
    let range = (4..12_u64, 0..5_u64);
    prop_oneof![
        5 => (id.clone(), writer.clone(), number.clone(), amounts, 5..9_u64)
            .prop_map(|(id, writer, number, amounts, oldest)| Step::Add { id, writer, number, amounts, oldest }),
        4 => (id, range.clone()).prop_map(|(id, (from, length))| Step::Read { id, from, length }),
        4 => (writer, number, members).prop_map(|(writer, number, amounts)| Step::AddTop { writer, number, amounts }),
        3 => (0..8_u32).prop_map(Step::ReadTop),
        4 => (4..7_u64, prop::collection::vec(0..6_u8, 0..4)).prop_map(|(bucket, visitors)| Step::See { bucket, visitors }),
        3 => range.prop_map(|(from, length)| Step::Count { from, length }),
        2 => (0..2_u8, any::<u8>()).prop_map(|(flag, rule)| Step::SetFlag(flag, rule)),
        2 => (0..2_u8).prop_map(Step::ReadFlag),
        1 => (0..2_u8).prop_map(Step::RemoveFlag),
        2 => (1..5_u64).prop_map(Step::Advance),
    ]
}

fn top() -> Key {
    Key::namespace(Category::Counter, "views", "top").numbered("at", 7)
}

fn seen(bucket: u64) -> Key {
    VIEWS.key(&1).numbered("seen", bucket)
}

/// A bucket or a member is in a batch once.
fn once<F: Ord + Clone>(mut amounts: Vec<(F, u64)>) -> Vec<(F, u64)> {
    amounts.sort();
    amounts.dedup_by(|a, b| a.0 == b.0);
    amounts
}

fn run(world: &World, step: &Step) {
    let keep = Ttl::seconds(8 * UNIT);
    match step {
        Step::Add { id, writer, number, amounts, oldest } => {
            let batch = Batch::new(&format!("{writer}"), *number, once(amounts.clone()));
            world.agree(&AddCounts::new(VIEWS.key(id), batch, keep, *oldest));
        }
        Step::Read { id, from, length } => {
            world.agree(&ReadCounts::new(VIEWS.key(id), *from, from + length));
        }
        Step::AddTop { writer, number, amounts } => {
            let amounts =
                once(amounts.iter().map(|(member, count)| (format!("m{member}"), *count)).collect());
            world.agree(&AddTop::new(top(), Batch::new(&format!("{writer}"), *number, amounts), keep, 4));
        }
        Step::ReadTop(most) => world.agree(&ReadTop::new(top(), *most)),
        Step::See { bucket, visitors } => {
            let visitors = visitors.iter().map(|visitor| Digest::of(&[&[*visitor]])).collect();
            world.agree(&SeeVisitors::new(seen(*bucket), visitors, keep));
        }
        Step::Count { from, length } => {
            world.agree(&CountVisitors::new((*from..=from + length).map(seen).collect()));
        }
        Step::SetFlag(flag, rule) => world.agree(&SetFlag::new(FEATURE.key(flag), Bytes::from(vec![*rule]))),
        Step::ReadFlag(flag) => world.agree(&ReadFlag::new(FEATURE.key(flag))),
        Step::RemoveFlag(flag) => world.agree(&RemoveFlag::new(FEATURE.key(flag))),
        Step::Advance(units) => world.advance(Duration::from_secs(units * UNIT)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn counters_and_flags_are_alike(history in prop::collection::vec(step(), 1..60), way in way()) {
        let world = World::over(way);
        for step in &history {
            run(&world, step);
        }
        // Flags are declared persistent; nothing else may be left without a TTL.
        for flag in 0..2 {
            world.agree(&RemoveFlag::new(FEATURE.key(&flag)));
        }
    }
}
