//! Sessions.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use redstart_keys::{Category, Entity, Ttl};
use redstart_state::{
    Digest,
    operations::{
        CreateSession, DepartSession, EndSessions, ListSessions, Listed, LoadSession, Place, SaveSession,
        Term, TouchSession, Version,
    },
};

use super::{World, way};
use redstart_connection::Outage;

const WEB: Entity<u8> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
/// Times are multiples of this, so that the real time of a case never decides.
const UNIT: u64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Create { place: (u8, u8), bound: bool, most: u32, replaced: Option<u8> },
    Load { place: (u8, u8), slides: bool },
    Touch((u8, u8)),
    Save { place: (u8, u8), as_read: bool, prolong: bool, twice: bool },
    Depart { place: (u8, u8), as_read: bool, twice: bool },
    End((u8, u8)),
    EndOthers((u8, u8)),
    EndAll(u8),
    List(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..2_u8, 0..4_u8);
    prop_oneof![
        6 => (place.clone(), any::<bool>(), 1..4_u32, prop::option::weighted(0.3, 0..4_u8))
            .prop_map(|(place, bound, most, replaced)| Step::Create { place, bound, most, replaced }),
        5 => (place.clone(), any::<bool>()).prop_map(|(place, slides)| Step::Load { place, slides }),
        2 => place.clone().prop_map(Step::Touch),
        4 => (place.clone(), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(place, as_read, prolong, twice)| Step::Save { place, as_read, prolong, twice }),
        2 => (place.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(place, as_read, twice)| Step::Depart { place, as_read, twice }),
        1 => place.clone().prop_map(Step::End),
        1 => place.prop_map(Step::EndOthers),
        1 => (0..2_u8).prop_map(Step::EndAll),
        2 => (0..2_u8).prop_map(Step::List),
        4 => (1..4_u64).prop_map(Step::Advance),
    ]
}

/// What was read last of each place, and how many versions there are.
#[derive(Default)]
struct History {
    read: BTreeMap<(u8, u8), Version>,
    versions: u32,
}

impl History {
    fn version(&mut self) -> Version {
        self.versions += 1;
        Version::new(&format!("v{}", self.versions))
    }

    fn read(&self, place: (u8, u8)) -> Version {
        self.read.get(&place).cloned().unwrap_or_else(|| Version::new("none"))
    }
}

fn digest(session: u8) -> Digest {
    Digest::of(&[&[session]])
}

fn at((owner, session): (u8, u8)) -> Place {
    Place::new(WEB.key(&owner), digest(session))
}

/// In one order, whatever order the store has them in.
fn sorted(listed: Vec<Listed>) -> Vec<(String, u64, u64, u64)> {
    let all = listed.into_iter().map(|of| {
        let [created, seen, ends] = [of.created_at, of.seen_at, of.ends_at].map(|at| at.as_micros());
        (of.digest.as_str().to_owned(), created, seen, ends)
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

fn run(world: &World, history: &mut History, step: &Step) {
    let term = Term::new(Ttl::seconds(3 * UNIT));
    let value = |version: u32| Bytes::from(format!("\u{0}\u{ff}{version}").into_bytes());
    match *step {
        Step::Create { place, bound, most, replaced } => {
            let term = if bound { term.at_most(Ttl::seconds(5 * UNIT)) } else { term };
            let version = history.version();
            let create = CreateSession::new(at(place), version, value(history.versions), term, most);
            let create = match replaced {
                Some(old) => create.in_place_of(digest(old), history.read((place.0, old))),
                None => create,
            };
            world.agree(&create);
            world.agree(&create);
        }
        Step::Load { place, slides } => {
            let load = LoadSession::new(at(place));
            if let Some(loaded) = world.agreed(&if slides { load.sliding(term) } else { load }) {
                history.read.insert(place, loaded.version);
            }
        }
        Step::Touch(place) => world.agree(&TouchSession::new(at(place), term)),
        Step::Save { place, as_read, prolong, twice } => {
            let version = history.version();
            let save = SaveSession::new(at(place), version, value(history.versions));
            let save = if as_read { save.if_still(history.read(place)) } else { save };
            let save = if prolong { save.prolonged(term) } else { save };
            world.agree(&save);
            if twice {
                world.agree(&save);
            }
        }
        Step::Depart { place, as_read, twice } => {
            let read = if as_read { history.read(place) } else { Version::new("other") };
            let depart = DepartSession::new(at(place), read, history.version());
            world.agree(&depart);
            if twice {
                world.agree(&depart);
            }
        }
        Step::End(place) => world.agree(&EndSessions::one(&at(place))),
        Step::EndOthers(place) => world.agree(&EndSessions::all_but(&at(place))),
        Step::EndAll(owner) => world.agree(&EndSessions::all(WEB.key(&owner), Outage::Fail)),
        Step::List(owner) => world.agree_on(&ListSessions::new(WEB.key(&owner), Outage::Fail), sorted),
        Step::Advance(units) => world.advance(Duration::from_secs(units * UNIT)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn sessions_are_alike(steps in prop::collection::vec(step(), 1..60), way in way()) {
        let world = World::over(way);
        let mut history = History::default();
        for step in &steps {
            run(&world, &mut history, step);
        }
    }
}
