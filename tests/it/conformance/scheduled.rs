//! What is put off: waiting, due, taken, done, taken back.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use redstart_cache::Claim;
use redstart_cache::{
    CountWaiting, Due, DueNow, FinishDue, Put, Schedule, Scheduling, TakeDue, Unlink, Unschedule,
};
use redstart_connection::Timestamp;
use redstart_keys::{Category, Entity, Key, Ttl};

use super::{World, way};

const ITEM: Entity<u8> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));
const NOTE: Entity<u8> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();
/// Steps of time are multiples of this, so that the real time of a case never decides.
const UNIT: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
enum Step {
    At {
        queue: u8,
        what: u8,
        units: u32,
    },
    After {
        queue: u8,
        what: u8,
        units: u32,
    },
    Take {
        most: usize,
    },
    /// Strikes off what was taken so many takings ago.
    Finish {
        age: usize,
    },
    Cancel {
        queue: u8,
        what: u8,
        units: u32,
    },
    Count {
        queue: u8,
    },
    Advance(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let which = || (0..2_u8, 0..3_u8, 0..8_u32);
    prop_oneof![
        4 => which().prop_map(|(queue, what, units)| Step::At { queue, what, units }),
        3 => which().prop_map(|(queue, what, units)| Step::After { queue, what, units }),
        4 => (0..4_usize).prop_map(|most| Step::Take { most }),
        3 => (0..3_usize).prop_map(|age| Step::Finish { age }),
        2 => which().prop_map(|(queue, what, units)| Step::Cancel { queue, what, units }),
        1 => (0..2_u8).prop_map(|queue| Step::Count { queue }),
        3 => (1..4_u32).prop_map(Step::Advance),
    ]
}

fn queue(number: u8) -> Key {
    let stream = Key::namespace(Category::Cache, "redstart", "inv");
    stream.companion("due").companion(if number == 0 { "first" } else { "second" })
}

fn queues() -> Vec<Key> {
    vec![queue(0), queue(1)]
}

fn what(number: u8) -> Bytes {
    Bytes::from(format!("what {number}: it is"))
}

/// A world, and what was taken in it from the server and from the embedded store.
struct Histories {
    world: World,
    start: u64,
    taken: Vec<[Vec<Due>; 2]>,
}

/// What both must say alike; the embedded store knows a key beside.
fn shown(now: &DueNow) -> (Vec<(usize, Bytes)>, Option<Duration>, Vec<u64>) {
    let due = now.due.iter().map(|due| (due.queue(), due.member().clone()));
    (due.collect(), now.next_in, now.waiting.clone())
}

impl Histories {
    fn over(world: World) -> Self {
        let start = world.now();
        Self { world, start, taken: Vec::new() }
    }

    fn moment(&self, units: u32) -> Timestamp {
        Timestamp::from_micros(self.start).saturating_add(UNIT * units)
    }

    fn schedule(&self, schedule: Schedule) -> Scheduling {
        self.world.agreed(&schedule.bounded(4, UNIT * 6).kept(Ttl::seconds(600)))
    }

    fn take(&mut self, most: usize) -> DueNow {
        let take = TakeDue::new(queues(), LEASE, most);
        let world = &self.world;
        let redis = world.block_on(world.redis.run(&take)).unwrap();
        let memory = world.block_on(world.memory.run(&take)).unwrap();
        assert_eq!(shown(&redis), shown(&memory), "the server answered left");
        self.taken.push([redis.due.clone(), memory.due]);
        redis
    }

    fn finish(&self, age: usize) -> u64 {
        let Some([redis, memory]) = self.taken.iter().rev().nth(age) else { return 0 };
        let world = &self.world;
        let finish = |done: &Vec<Due>| FinishDue::new(queues(), done.clone());
        let redis = world.block_on(world.redis.run(&finish(redis))).unwrap();
        let memory = world.block_on(world.memory.run(&finish(memory))).unwrap();
        assert_eq!(redis, memory, "the server answered left");
        redis
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::At { queue: number, what: number_of, units } => {
                self.schedule(Schedule::at(queue(number), self.moment(units), what(number_of), None));
            }
            Step::After { queue: number, what: number_of, units } => {
                self.schedule(Schedule::after(queue(number), UNIT * units, what(number_of), None));
            }
            Step::Take { most } => drop(self.take(most)),
            Step::Finish { age } => drop(self.finish(age)),
            Step::Cancel { queue: number, what: number_of, units } => {
                let at = self.moment(units);
                self.world.agree(&Unschedule::new(queue(number), at, &what(number_of)));
            }
            Step::Count { queue: number } => self.world.agree(&CountWaiting::new(queue(number))),
            Step::Advance(units) => self.world.advance(UNIT * units),
        }
    }
}

#[test]
fn what_is_taken_and_not_done_is_due_again_when_its_lease_ends() {
    let mut histories = Histories::over(World::new());
    let schedule = Schedule::at(queue(0), histories.moment(1), what(1), None);
    assert_eq!(histories.schedule(schedule), Scheduling::Waits { at: histories.moment(1), wait: UNIT });
    assert_eq!((histories.take(9).due.len(), histories.take(9).next_in), (0, Some(UNIT)));
    histories.world.advance(UNIT);
    assert_eq!(histories.take(9).due.len(), 1);
    let other = histories.take(9);
    assert_eq!((other.due.len(), other.next_in), (0, Some(LEASE)), "it is another's");
    histories.world.advance(2 * UNIT);
    assert_eq!(histories.take(9).due.len(), 1, "who took it first has died");
    assert_eq!(histories.finish(2), 0, "it is another's by now");
    assert_eq!(histories.finish(0), 1);
    assert_eq!(histories.world.agreed(&CountWaiting::new(queue(0))), (0, None));
}

#[test]
fn what_is_put_in_anew_while_it_is_done_is_done_once_more() {
    let mut histories = Histories::over(World::new());
    let at = histories.moment(0);
    let put_in = |histories: &Histories| histories.schedule(Schedule::at(queue(0), at, what(1), None));
    put_in(&histories);
    assert_eq!(histories.take(9).due.len(), 1);
    put_in(&histories);
    assert_eq!(histories.finish(0), 0);
    assert_eq!(histories.take(9).due.len(), 1);
}

#[test]
fn value_is_removed_with_its_ticket_by_their_names() {
    let world = World::new();
    let sequencer = Key::namespace(Category::Cache, "item", "seq");
    for key in [ITEM.key(&1), NOTE.key(&1)] {
        let unlink = Unlink::of(&key, |key| world.redis.name_of(key));
        world.agree(&unlink);
        world.agree_on(&Claim::new(key.clone(), sequencer.clone()), drop);
        assert!(world.agreed(&unlink), "a ticket");
        for store in [&world.redis, &world.memory] {
            let claimed = world.block_on(store.run(&Claim::new(key.clone(), sequencer.clone()))).unwrap();
            let put = Put::new(key.clone(), claimed.token, Bytes::from_static(b"7"), Ttl::hours(1));
            world.block_on(store.run(&put)).unwrap();
        }
        assert!(world.agreed(&unlink), "a value");
        assert!(!world.agreed(&unlink));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_put_off_answers_alike(history in prop::collection::vec(step(), 1..40), way in way()) {
        let mut histories = Histories::over(World::over(way));
        for step in history {
            histories.run(step);
        }
        histories.world.advance(UNIT * 20);
        histories.take(usize::from(u8::MAX));
    }
}
