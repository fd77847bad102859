//! Random histories of caches, checked against four laws.
//!
//! A register holds a number for each key that only grows; loaders read it, each with waits before and after
//! the reading, so that loads overtake each other and what is changed meanwhile. Every read writes down what it
//! was shown, every change what the register held when it began. The laws, for each key:
//!
//! 1. No read that began after a change had answered shows anything older, in the process that made it.
//! 2. Nor in any other process, once the change was told longer ago than `max_staleness`.
//! 3. A process that was shown something by a tier, and not by a loader alone, is never shown anything older.
//! 4. When all has come to rest, no tier of any node has anything older than the last change.
//!
//! A history is drawn from a seed. `REDSTART_HISTORY_SEED` plays one alone, `REDSTART_HISTORY_ROUNDS` says how many
//! of each kind are played (a night's worth: 500), and `REDSTART_HISTORY_SHRINK` looks for a smaller plan that still
//! breaks a law. What happens at the same time is not drawn, so a seed may have to be played some times.
//!
//! # Damages
//!
//! What the checker must find, each tried on the code by hand:
//!
//! | damage | found by, within 3 rounds (embedded 6, batches 8) |
//! | --- | --- |
//! | `fill.lua` stores without its ticket | busy, gaps, losses, outages, processes (laws 1, 3, 4) |
//! | a tag's stamp is not compared with `as_of` | busy, outages, processes (1, 4) |
//! | the floor is not compared with `as_of` | embedded, busy, losses, outages, processes (1, 4) |
//! | `as_of` is taken after the load instead of before it | embedded, losses, outages, processes (1) |
//! | an older `as_of` replaces a newer one in the process | batches, swift (3) |
//! | values are swept before the tickets | embedded, sweeps, outages (1) |
//! | the insertion leaves the lock between looking and inserting | embedded, outages (1, 3) |
//! | the entry at the cursor is not looked for | gaps (4) |
//! | the server is read before it has heard the journal | returns (1, 3) |
//! | loads are not superseded by a tag or a clear | embedded, processes (1) |
//! | memory in place of the server shows what is older than `max_staleness` | lonely (2) |
//!
//! moka's own `get_with` breaks the first law in hundreds of reads of one round.

mod check;
mod node;
mod peer;
mod plan;
mod processes;
mod record;
mod register;
mod subject;
mod world;

use std::{env, time::Duration};

use redstart_connection::Store;

use self::{
    check::{Finding, check},
    node::{MAX_STALENESS, Node},
    peer::Moka,
    plan::{Fate, Plan, Scenario, Way},
    world::{World, play_alone},
};

const WAYS: &[Way] =
    &[Way::Key, Way::Key, Way::Key, Way::Tag, Way::Tag, Way::Clear, Way::Sweep, Way::Set, Way::Set];

const BUSY: Scenario = Scenario {
    nodes: 4,
    actors: 12,
    steps: 60,
    pause: Duration::from_millis(12),
    batches: 8,
    changes: 22,
    quiet: None,
    ways: WAYS,
    fates: &[Fate::Slow(0), Fate::Slow(0), Fate::Fill, Fate::Reset(0)],
    fate_count: 20,
};

/// Hardly any waits, so that steps meet within microseconds.
const SWIFT: Scenario = Scenario {
    steps: 400,
    pause: Duration::from_micros(1_500),
    fates: &[Fate::Fill],
    fate_count: 10,
    ..BUSY
};

/// Loads that end while many pages are swept.
const SWEEPS: Scenario = Scenario {
    nodes: 2,
    ways: &[Way::Sweep, Way::Sweep, Way::Key],
    fates: &[Fate::Fill, Fate::Fill, Fate::Slow(0)],
    fate_count: 25,
    ..BUSY
};

/// Reads of many keys at once, which other reads overtake before anybody hears of the change between them.
const BATCHES: Scenario = Scenario {
    nodes: 2,
    steps: 120,
    pause: Duration::from_millis(4),
    batches: 50,
    ways: &[Way::Key, Way::Set],
    fates: &[Fate::Slow(0)],
    fate_count: 4,
    ..BUSY
};

const LOSSES: Scenario = Scenario {
    fates: &[
        Fate::Lose(":g"),
        Fate::Lose(":g"),
        Fate::Lose("#t:"),
        Fate::Lose("#seq"),
        Fate::Lose("#floor"),
        Fate::Lose("#inv"),
        Fate::Flush,
        Fate::Slow(0),
    ],
    fate_count: 25,
    ..BUSY
};

/// Few changes, so that one that goes unheard is not soon made up for by another.
const GAPS: Scenario = Scenario {
    actors: 9,
    pause: Duration::from_millis(40),
    changes: 3,
    ways: &[Way::Key],
    fates: &[Fate::Gap(0)],
    fate_count: 4,
    ..BUSY
};

const OUTAGES: Scenario = Scenario {
    nodes: 2,
    steps: 350,
    fates: &[Fate::Away(0), Fate::Freeze, Fate::Slow(0), Fate::Reset(0)],
    fate_count: 4,
    ..BUSY
};

/// One node, so that nobody else makes up for what the server has not heard yet; a clear would hide it, too.
const RETURNS: Scenario = Scenario {
    nodes: 1,
    actors: 6,
    steps: 1_500,
    ways: &[Way::Key, Way::Key, Way::Set, Way::Tag],
    fates: &[Fate::Cut(0)],
    fate_count: 3,
    ..BUSY
};

/// A node that nobody can tell of what another changes, and that changes nothing itself.
const LONELY: Scenario = Scenario {
    nodes: 2,
    steps: 4_000,
    changes: 6,
    quiet: Some(0),
    ways: &[Way::Key, Way::Set],
    fates: &[Fate::Away(0)],
    fate_count: 1,
    ..BUSY
};

/// One node on the embedded store, whose actors hardly ever sleep.
const ALONE: Scenario = Scenario {
    nodes: 1,
    actors: 8,
    steps: 4_000,
    pause: Duration::from_micros(450),
    fates: &[],
    fate_count: 0,
    ..BUSY
};

/// Each process has so many actors.
const PROCESSES: Scenario = Scenario {
    actors: 5,
    fates: &[
        Fate::Stop(0),
        Fate::Kill(0),
        Fate::Kill(0),
        Fate::Cut(0),
        Fate::Gap(0),
        Fate::Reset(0),
        Fate::Slow(0),
        Fate::Lose(":g"),
        Fate::Lose("#t:"),
        Fate::Lose("#inv"),
        Fate::Trim,
        Fate::Flush,
        Fate::Fill,
    ],
    fate_count: 30,
    ..BUSY
};

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// The seeds to play, `usual` of them unless something else was asked for.
fn seeds(usual: u64) -> Vec<u64> {
    match number("REDSTART_HISTORY_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("REDSTART_HISTORY_ROUNDS").unwrap_or(usual)).map(|_| fastrand::u64(..)).collect(),
    }
}

/// Plays histories and checks them; the first that breaks a law ends it.
#[expect(clippy::future_not_send, reason = "the test awaits it where it stands")]
async fn hold<F: Future<Output = Finding>>(
    name: &str,
    usual: u64,
    scenario: &Scenario,
    play: impl Fn(Plan) -> F,
) {
    let mut total = Finding::default();
    for seed in seeds(usual) {
        let plan = Plan::draw(seed, scenario);
        let finding = play(plan.clone()).await;
        if finding.breaches() > 0 {
            if env::var("REDSTART_HISTORY_SHRINK").is_ok() {
                shrink(plan, &play).await;
            }
            panic!("{name}, REDSTART_HISTORY_SEED={seed}: {finding}");
        }
        total.add(finding);
    }
    println!("{name}: {total}");
    assert!(0 < total.reads && 0 < total.changes, "nothing happened");
}

/// Leaves out actors and fates as long as a law is still broken, and shows what is left.
#[expect(clippy::future_not_send, reason = "the test awaits it where it stands")]
async fn shrink<F: Future<Output = Finding>>(mut plan: Plan, play: &impl Fn(Plan) -> F) {
    const TRIES: usize = 3;
    'smaller: loop {
        for candidate in plan.smaller() {
            for _ in 0..TRIES {
                let finding = play(candidate.clone()).await;
                if finding.breaches() > 0 {
                    println!("{} actors, {} fates: {finding}", candidate.actors.len(), candidate.fates.len());
                    plan = candidate;
                    continue 'smaller;
                }
            }
        }
        println!("{plan:#?}");
        return;
    }
}

async fn on_a_server(nodes: usize, plan: Plan) -> Finding {
    check(&World::start(nodes).await.play(&plan).await, MAX_STALENESS)
}

async fn alone(plan: Plan) -> Finding {
    check(&play_alone(Node::new(Store::memory()), &plan).await, MAX_STALENESS)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn laws_hold_on_the_embedded_store() {
    hold("embedded", 2, &ALONE, alone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_among_nodes_whose_answers_overtake_each_other() {
    hold("busy", 1, &BUSY, |plan| on_a_server(BUSY.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_among_nodes_that_do_not_wait() {
    hold("swift", 1, &SWIFT, |plan| on_a_server(SWIFT.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_while_everything_is_swept() {
    hold("sweeps", 1, &SWEEPS, |plan| on_a_server(SWEEPS.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_where_reads_of_many_keys_are_overtaken() {
    hold("batches", 1, &BATCHES, |plan| on_a_server(BATCHES.nodes, plan)).await;
}

/// Their batches read before they join a load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_among_nodes_that_keep_nothing() {
    let play = |plan: Plan| async move {
        let kinds: [fn(Store) -> Node; 2] = [Node::far; 2];
        check(&World::of(kinds.into_iter()).await.play(&plan).await, MAX_STALENESS)
    };
    hold("far", 1, &BATCHES, play).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_while_the_server_loses_what_it_knows() {
    hold("losses", 1, &LOSSES, |plan| on_a_server(LOSSES.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_when_events_are_gone_before_they_are_heard() {
    hold("gaps", 1, &GAPS, |plan| on_a_server(GAPS.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_while_nodes_are_cut_off() {
    hold("outages", 1, &OUTAGES, |plan| on_a_server(OUTAGES.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_on_a_node_that_nobody_can_tell_anything() {
    hold("lonely", 1, &LONELY, |plan| on_a_server(LONELY.nodes, plan)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_when_a_node_comes_back_with_changes_that_nobody_heard() {
    hold("returns", 1, &RETURNS, |plan| on_a_server(RETURNS.nodes, plan)).await;
}

/// What a worker is: this test in a process of its own. By itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    processes::work(&PROCESSES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn laws_hold_among_processes_that_are_stopped_killed_and_cut_off() {
    let play = |plan: Plan| async move { check(&processes::play(&PROCESSES, &plan).await, MAX_STALENESS) };
    hold("processes", 1, &PROCESSES, play).await;
}

/// What this package is measured by must be able to fail: moka keeps what was loaded before a change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moka_breaks_them_where_a_change_comes_during_a_load() {
    let scenario = Scenario { steps: 400, ways: &[Way::Key], ..ALONE };
    let plan = Plan::draw(1, &scenario);
    let finding = check(&play_alone(Moka::new(), &plan).await, MAX_STALENESS);
    println!("moka's get_with: {finding}");
    assert!(0 < finding.stale_here, "{finding}");
}
