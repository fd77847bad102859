//! What is going to happen, drawn from a seed.

use std::time::Duration;

use fastrand::Rng;

use super::register::KEYS;

/// Keys below this bear tags and are never set; the others bear none, since a value that is set has none.
pub(super) const TAGGED: u64 = 4;

/// Everything that the actors of a history do, and what befalls them meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// What each actor does, with the node that it sits on.
    pub(super) actors: Vec<(usize, Vec<Step>)>,
    pub(super) fates: Vec<(Duration, Fate)>,
}

/// What histories of one kind have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) nodes: usize,
    pub(super) actors: usize,
    pub(super) steps: usize,
    /// How long a loader takes before and after it reads, and an actor between its steps, at the most.
    pub(super) pause: Duration,
    /// How many of a hundred steps are reads of all keys at once.
    pub(super) batches: u8,
    /// How many are changes.
    pub(super) changes: u8,
    /// A node that only reads, and whom everything befalls.
    pub(super) quiet: Option<usize>,
    pub(super) ways: &'static [Way],
    pub(super) fates: &'static [Fate],
    pub(super) fate_count: usize,
}

/// One thing that an actor does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Rest(Duration),
    /// A read with a loader that waits, reads the register, and waits again.
    Read(u64, Load),
    /// A read without a loader.
    Look(u64),
    /// A read of all keys at once.
    Batch(Load),
    /// A change; `true` when it follows a write.
    Change(u64, Way, bool),
}

/// How long a loader waits before and after it reads the register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) before: Duration,
    pub(super) after: Duration,
}

/// How something is changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Key,
    Tag,
    Clear,
    Sweep,
    Set,
}

/// What befalls the nodes and their server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// The server loses its keys whose names hold this.
    Lose(&'static str),
    /// The server loses everything.
    Flush,
    /// The server forgets all events but the last.
    Trim,
    /// Answers to a node are held back for a while that differs from piece to piece.
    Slow(usize),
    /// The connections of a node are reset.
    Reset(usize),
    /// A node can't reach the server for a while, which is longer than its breaker needs.
    Cut(usize),
    /// The same for longer than memory of before and of meanwhile may be stale, one after the other.
    Away(usize),
    /// The answers to one node are late, and meanwhile events of changes elsewhere are lost.
    Gap(usize),
    /// The server stands still for a while.
    Freeze,
    /// There is more to sweep than one page holds.
    Fill,
    /// A process is stopped where it stands, for longer than anything may be stale.
    Stop(usize),
    /// A process is killed, and another takes its place.
    Kill(usize),
}

impl Plan {
    /// The plan of a seed.
    pub(super) fn draw(seed: u64, scenario: &Scenario) -> Self {
        let mut random = Rng::with_seed(seed);
        let actors = (0..scenario.actors).map(|actor| {
            let node = actor % scenario.nodes;
            let changes = if scenario.quiet == Some(node) { 0 } else { scenario.changes };
            (node, steps(&mut random, &Scenario { changes, ..*scenario }))
        });
        let actors = actors.collect();
        let fates = (0..scenario.fate_count).filter_map(|_| fate(&mut random, scenario)).collect();
        Self { seed, actors, fates }
    }

    /// The plans that are smaller by one actor or one fate.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let without_actor = (0..self.actors.len()).filter(|_| self.actors.len() > 1).map(|actor| {
            let mut plan = self.clone();
            plan.actors.remove(actor);
            plan
        });
        let without_fate = (0..self.fates.len()).map(|fate| {
            let mut plan = self.clone();
            plan.fates.remove(fate);
            plan
        });
        without_actor.chain(without_fate).collect()
    }
}

fn steps(random: &mut Rng, scenario: &Scenario) -> Vec<Step> {
    (0..scenario.steps)
        .map(|_| {
            let key = random.u64(..KEYS);
            let load = Load { before: pause(random, scenario), after: pause(random, scenario) };
            match random.u8(..100) {
                chance if chance < scenario.batches => Step::Batch(load),
                chance if chance < 100 - scenario.changes => match random.u8(..7) {
                    0 => Step::Rest(pause(random, scenario)),
                    1 => Step::Look(key),
                    _ => Step::Read(key, load),
                },
                _ => change(random, scenario, key),
            }
        })
        .collect()
}

fn change(random: &mut Rng, scenario: &Scenario, key: u64) -> Step {
    let way = scenario.ways[random.usize(..scenario.ways.len())];
    let key = match way {
        Way::Set => TAGGED + key % (KEYS - TAGGED),
        Way::Tag => key % TAGGED,
        Way::Key | Way::Clear | Way::Sweep => key,
    };
    Step::Change(key, way, random.u8(..10) < 8)
}

/// Often none at all, since what is quick meets what is slow.
fn pause(random: &mut Rng, scenario: &Scenario) -> Duration {
    if random.u8(..3) == 0 { Duration::ZERO } else { scenario.pause.mul_f64(random.f64()) }
}

fn fate(random: &mut Rng, scenario: &Scenario) -> Option<(Duration, Fate)> {
    let fate = *random.choice(scenario.fates)?;
    let node = scenario.quiet.unwrap_or_else(|| random.usize(..scenario.nodes));
    let fate = match fate {
        Fate::Slow(_) => Fate::Slow(node),
        Fate::Reset(_) => Fate::Reset(node),
        Fate::Cut(_) => Fate::Cut(node),
        Fate::Away(_) => Fate::Away(node),
        Fate::Gap(_) => Fate::Gap(node),
        Fate::Stop(_) => Fate::Stop(node),
        Fate::Kill(_) => Fate::Kill(node),
        fate => fate,
    };
    Some((Duration::from_millis(random.u64(5..60)), fate))
}
