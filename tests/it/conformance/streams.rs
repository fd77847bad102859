//! Streams: read on from a place, and shared by the consumers of a group.

use std::time::Duration;

use proptest::prelude::*;
use redstart_connection::{
    Acknowledge, Append, Cursor, FindEnd, LeaveGroup, Member, Operation, ReadAfter, ReadGroup,
};
use redstart_keys::{Category, Entity, Key, Ttl};

use super::{World, way};

const CHANGES: Entity<u8> = Entity::new(Category::Jobs, "changes").ttl(Ttl::hours(1));
/// Times are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Append,
    Take { group: u8, consumer: u8, most: usize, patience: Option<u64> },
    Settle { group: u8, consumer: u8, from: usize, count: usize },
    Leave { group: u8, consumer: u8 },
    After { entry: usize, most: usize },
    AfterAll { most: usize },
    End,
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (group, consumer) = (0..2_u8, 0..3_u8);
    let taken = (group.clone(), consumer.clone(), 1..5_usize, prop::option::of(0..4_u64));
    prop_oneof![
        6 => Just(Step::Append),
        6 => taken.prop_map(|(group, consumer, most, patience)| Step::Take { group, consumer, most, patience }),
        4 => (group.clone(), consumer.clone(), 0..20_usize, 0..4_usize)
            .prop_map(|(group, consumer, from, count)| Step::Settle { group, consumer, from, count }),
        1 => (group, consumer).prop_map(|(group, consumer)| Step::Leave { group, consumer }),
        2 => (0..20_usize, 1..5_usize).prop_map(|(entry, most)| Step::After { entry, most }),
        1 => (1..5_usize).prop_map(|most| Step::AfterAll { most }),
        1 => Just(Step::End),
        3 => (1..4_u64).prop_map(Step::Advance),
    ]
}

/// The entries of a history, by the names that each store gave them: the server numbers by a clock that no
/// test moves.
#[derive(Default)]
struct Entries {
    redis: Vec<Cursor>,
    memory: Vec<Cursor>,
}

/// Which entry a cursor is of; -1 for none.
fn place(entries: &[Cursor], cursor: Cursor) -> i64 {
    entries.iter().position(|known| *known == cursor).map_or(-1, |at| i64::try_from(at).unwrap())
}

impl Entries {
    /// Runs an operation on both stores, made for the names that each gave; what `view` makes of the answers,
    /// with the places of the entries in it, must be the same.
    fn agree<O: Operation, T: std::fmt::Debug + PartialEq>(
        &self,
        world: &World,
        operation: impl Fn(&[Cursor]) -> O,
        view: impl Fn(O::Output, &dyn Fn(Cursor) -> i64) -> T,
    ) {
        let redis = world.block_on(world.redis.run(&operation(&self.redis))).unwrap();
        let memory = world.block_on(world.memory.run(&operation(&self.memory))).unwrap();
        let redis = view(redis, &|cursor| place(&self.redis, cursor));
        let memory = view(memory, &|cursor| place(&self.memory, cursor));
        assert_eq!(redis, memory, "{} differs: the server answered left", O::NAME);
    }
}

fn stream() -> Key {
    CHANGES.key(&1)
}

fn member(group: u8, consumer: u8) -> Member {
    Member::new(stream(), format!("g{group}"), format!("c{consumer}"))
}

fn read_after(world: &World, entries: &Entries, entry: Option<usize>, most: usize) {
    let read = |names: &[Cursor]| {
        let after = entry.map_or_else(Cursor::default, |entry| names[entry]);
        ReadAfter::new(stream(), after, most)
    };
    entries.agree(world, read, |after, place| {
        let read: Vec<i64> = after.entries.iter().map(|entry| place(entry.cursor)).collect();
        (read, after.is_torn, after.is_end, place(after.next))
    });
}

fn run(world: &World, entries: &mut Entries, step: &Step) {
    let ttl = Ttl::seconds(20 * UNIT);
    match *step {
        Step::Append => {
            let append = Append::new(stream(), ttl).field("v", entries.redis.len().to_string());
            entries.redis.push(world.block_on(world.redis.run(&append)).unwrap());
            entries.memory.push(world.block_on(world.memory.run(&append)).unwrap());
        }
        Step::Take { group, consumer, most, patience } => {
            let read = ReadGroup::new(member(group, consumer), most, ttl);
            let read = match patience {
                Some(units) => read.taking_over(Duration::from_secs(units * UNIT)),
                None => read,
            };
            let given = |_: &[Cursor]| read.clone();
            entries.agree(world, given, |given, place| {
                let given = given
                    .into_iter()
                    .map(|given| (place(given.entry.cursor), given.entry.fields, given.times));
                given.collect::<Vec<_>>()
            });
        }
        Step::Settle { group, consumer, from, count } => {
            let settle = |names: &[Cursor]| {
                let settled = names.iter().skip(from).take(count).copied().collect();
                Acknowledge::new(member(group, consumer), settled)
            };
            entries.agree(world, settle, |settled, _| settled);
        }
        Step::Leave { group, consumer } => world.agree(&LeaveGroup::new(member(group, consumer))),
        Step::After { entry, most } => {
            let entry = (entry < entries.redis.len()).then_some(entry);
            read_after(world, entries, entry, most);
        }
        Step::AfterAll { most } => read_after(world, entries, None, most),
        Step::End => entries.agree(world, |_| FindEnd::new(stream()), |end, place| place(end)),
        Step::Advance(units) => world.advance(Duration::from_secs(units * UNIT)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn streams_are_alike(history in prop::collection::vec(step(), 1..60), way in way()) {
        let world = World::over(way);
        let mut entries = Entries::default();
        for step in &history {
            run(&world, &mut entries, step);
        }
    }
}
