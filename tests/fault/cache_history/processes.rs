//! Nodes that are processes, which are stopped and killed.

use std::{env, sync::Arc, time::Duration};

use redstart_connection::{Config, Store};
use redstart_testkit::{RedisServer, eventually};
use tokio::{task::JoinSet, time::sleep};

use super::{
    node::{MAX_STALENESS, Node},
    plan::{Fate, Plan, Scenario, Step, TAGGED, Way},
    record::Record,
    register::Register,
    subject::{Stage, act, now},
    world::{World, look_at_node},
};
use crate::{
    support::GUARD,
    workers::{Job, Workers, print},
};

const URL: &str = "REDSTART_CACHE_WORKER_URL";
const PREFIX: &str = "REDSTART_CACHE_WORKER_PREFIX";
const REGISTER: &str = "REDSTART_CACHE_WORKER_REGISTER";
const NODE: &str = "REDSTART_CACHE_WORKER_NODE";
const NODES: &str = "REDSTART_CACHE_WORKER_NODES";
const SEED: &str = "REDSTART_CACHE_WORKER_SEED";
/// When work ends, and when everything has come to rest, in microseconds of the machine's clock.
const WORK_UNTIL: &str = "REDSTART_CACHE_WORKER_UNTIL";
const AT_REST: &str = "REDSTART_CACHE_WORKER_AT_REST";

/// How long processes work, and how long all is quiet before they look at what they have.
const WORK: Duration = Duration::from_secs(4);
const QUIET: Duration = Duration::from_millis(2_500);
/// How long a process is stopped.
const STOPPED: Duration = Duration::from_millis(1_300);

/// Lets processes work while they are stopped, killed and cut off, and answers what they saw.
pub(super) async fn play(scenario: &Scenario, plan: &Plan) -> Vec<Record> {
    let (register, mut world) = (RedisServer::start(), World::empty(scenario.nodes).await);
    let (until, at_rest) = (now() + micros(WORK), now() + micros(WORK + QUIET));
    let job = |node: usize| -> Job {
        vec![
            (URL, world.url_of(node)),
            (PREFIX, world.prefix().to_owned()),
            (REGISTER, register.url()),
            (NODE, node.to_string()),
            (NODES, scenario.nodes.to_string()),
            (SEED, plan.seed.to_string()),
            (WORK_UNTIL, until.to_string()),
            (AT_REST, at_rest.to_string()),
        ]
    };
    let jobs = (0..scenario.nodes).map(job).collect();
    let mut workers = Workers::start("cache_history::worker_process", jobs);
    for (after, fate) in plan.fates.iter().cycle() {
        if until <= now() {
            break;
        }
        sleep(*after).await;
        match fate {
            Fate::Stop(node) => {
                workers.stop(*node);
                sleep(STOPPED).await;
                workers.resume(*node);
            }
            Fate::Kill(node) => workers.replace(*node),
            fate => world.afflict(*fate).await,
        }
    }
    world.calm();
    eventually(GUARD, async || workers.have_ended()).await;
    let at_server = std::sync::Mutex::new(Vec::new());
    world.look_at_server(&|record| at_server.lock().unwrap().push(record)).await;
    let mut records = workers.records();
    records.append(&mut at_server.into_inner().unwrap());
    records
}

/// What a worker does, when this process is one.
pub(super) async fn work(scenario: &Scenario) {
    let text = |name: &str| env::var(name).ok();
    let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
    let (Some(url), Some(prefix), Some(register)) = (text(URL), text(PREFIX), text(REGISTER)) else { return };
    let (Some(seed), Some(until), Some(at_rest)) = (number(SEED), number(WORK_UNTIL), number(AT_REST)) else {
        return;
    };
    let (index, nodes) = (number(NODE).unwrap(), number(NODES).unwrap());
    // Without memory in place of the server: what only this process knows would go with it.
    let config =
        Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap().with_standby(false);
    let node = Node::new(Store::lazy(&config).unwrap());
    let stage = Arc::new(Stage::new(Register::there(&register)));
    let place = usize::try_from(index).unwrap();
    let mut actors = JoinSet::new();
    for (_, steps) in Plan::draw(seed ^ index, scenario).actors {
        let steps = steps.into_iter().map(|step| match is_another_nodes(step, index, nodes) {
            true => Step::Rest(Duration::ZERO),
            false => step,
        });
        actors.spawn(work_through(place, node.clone(), Arc::clone(&stage), steps.collect(), until));
    }
    while let Some(actor) = actors.join_next().await {
        actor.unwrap();
    }
    sleep(Duration::from_micros(at_rest.saturating_sub(now()))).await;
    look_at_node((place, &node), &stage, &|record: Record| print(record)).await;
}

/// Does some steps again and again.
async fn work_through(place: usize, node: Node, stage: Arc<Stage>, steps: Vec<Step>, until: u64) {
    for step in steps.iter().cycle() {
        if until <= now() {
            return;
        }
        act((place, &node), &stage, *step, &|record: Record| print(record)).await;
    }
}

/// Whether this writes a key that is set, whose turn is another node's for good.
fn is_another_nodes(step: Step, node: u64, nodes: u64) -> bool {
    matches!(step, Step::Change(key, way, writes) if TAGGED <= key && (writes || way == Way::Set) && key % nodes != node)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

const _: () = assert!(MAX_STALENESS.as_millis() < STOPPED.as_millis());
