//! A server, its nodes behind a proxy each, and what befalls them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use redstart_connection::{Config, Store};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually, fresh_prefix};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    node::{MAX_STALENESS, Node},
    plan::{Fate, Plan},
    record::{Record, What},
    register::{KEYS, Register},
    subject::{Stage, Subject, act, now},
};
use crate::support::GUARD;

/// How many values there are to sweep beside those that are read.
const FILLING: u64 = 2_000;

type Records = Arc<Mutex<Vec<Record>>>;

/// Everything that a history happens to.
pub(super) struct World {
    server: RedisServer,
    prefix: String,
    proxies: Vec<Proxy>,
    nodes: Vec<Node>,
}

impl World {
    pub(super) async fn start(nodes: usize) -> Self {
        let mut world = Self {
            server: RedisServer::start(),
            prefix: fresh_prefix(),
            proxies: Vec::new(),
            nodes: Vec::new(),
        };
        for _ in 0..nodes {
            let proxy = Proxy::start(world.server.address()).await;
            let node = Node::new(world.store(&world.server.url_at(proxy.address())));
            node.cache.ready().await;
            world.proxies.push(proxy);
            world.nodes.push(node);
        }
        world
    }

    fn store(&self, url: &str) -> Store {
        let config = Config::from_url(url).and_then(|config| config.with_prefix(&self.prefix)).unwrap();
        Store::lazy(&config).unwrap()
    }

    /// Lets everything happen, and answers what was seen.
    pub(super) async fn play(mut self, plan: &Plan) -> Vec<Record> {
        let (stage, records) = (Arc::new(Stage::new(Register::here())), Records::default());
        let mut actors = employ(plan, &self.nodes, &stage, &records);
        for (after, fate) in &plan.fates {
            sleep(*after).await;
            self.afflict(*fate).await;
        }
        while let Some(actor) = actors.join_next().await {
            actor.unwrap();
        }
        self.rest().await;
        self.look_at_rest(&stage, &|record| records.lock().unwrap().push(record)).await;
        let records = records.lock().unwrap().clone();
        records
    }

    async fn afflict(&mut self, fate: Fate) {
        match fate {
            Fate::Lose(part) => {
                let mut raw = self.server.raw();
                let lost = raw.keys(&self.prefix).into_iter().filter(|name| name.contains(part));
                for name in lost.collect::<Vec<_>>() {
                    raw.command(&["DEL", &name]);
                }
            }
            Fate::Flush => drop(self.server.raw().command(&["FLUSHALL"])),
            Fate::Trim => self.trim(),
            Fate::Slow(node) => {
                let jitter = Fault::Jitter { least: Duration::ZERO, most: Duration::from_millis(20) };
                self.proxies[node].set(jitter);
            }
            Fate::Reset(node) => self.proxies[node].reset_existing(),
            Fate::Cut(node) => {
                self.proxies[node].set(Fault::Refuse);
                self.proxies[node].reset_existing();
                sleep(Duration::from_millis(400)).await;
                self.proxies[node].set(Fault::None);
            }
            Fate::Gap(node) => {
                self.proxies[node].set(Fault::Delay(Duration::from_millis(120)));
                for _ in 0..4 {
                    sleep(Duration::from_millis(60)).await;
                    self.trim();
                }
                self.proxies[node].set(Fault::None);
            }
            Fate::Freeze => {
                self.server.freeze();
                sleep(Duration::from_millis(150)).await;
                self.server.thaw();
            }
            Fate::Fill => {
                let fill = "for i = 1, tonumber(ARGV[2]) do
                              redis.call('SET', ARGV[1] .. ':cache:history:{' .. (1000 + i) .. '}', 'x', 'EX', 600)
                            end";
                self.server.raw().command(&["EVAL", fill, "0", &self.prefix, &FILLING.to_string()]);
            }
        }
    }

    fn trim(&self) {
        let stream = format!("{}:cache:redstart:#inv", self.prefix);
        self.server.raw().command(&["XTRIM", &stream, "MAXLEN", "1"]);
    }

    /// Ends all that befell them, and waits until everybody must have heard of everything.
    async fn rest(&self) {
        self.proxies.iter().for_each(|proxy| proxy.set(Fault::None));
        for node in &self.nodes {
            eventually(GUARD, async || node.is_connected().await).await;
        }
        sleep(MAX_STALENESS + Duration::from_millis(200)).await;
    }

    async fn look_at_rest(&self, stage: &Stage, note: &(impl Fn(Record) + Sync)) {
        let far = Node::far(self.store(&self.server.url()));
        for key in 0..KEYS {
            let began = now();
            let at_rest =
                |node, version| note(Record { what: What::AtRest, node, key, version, began, ended: now() });
            // What is not there is not wrong.
            if let Some((version, _)) = far.look(key).await {
                at_rest(usize::MAX, version);
            }
            for (index, node) in self.nodes.iter().enumerate() {
                let load = stage.register.read(key);
                let (version, _) = timeout(GUARD, node.read(key, load)).await.unwrap();
                at_rest(index, version);
            }
        }
    }
}

/// Plays a plan on a cache that is all there is.
pub(super) async fn play_alone(subject: impl Subject + Clone + 'static, plan: &Plan) -> Vec<Record> {
    let (stage, records) = (Arc::new(Stage::new(Register::here())), Records::default());
    let mut actors = employ(plan, &[subject.clone()], &stage, &records);
    while let Some(actor) = actors.join_next().await {
        actor.unwrap();
    }
    let began = now();
    for key in 0..KEYS {
        if let Some((version, _)) = subject.look(key).await {
            let record = Record { what: What::AtRest, node: 0, key, version, began, ended: now() };
            records.lock().unwrap().push(record);
        }
    }
    let records = records.lock().unwrap().clone();
    records
}

/// Sets the actors of a plan to work, each on its node.
fn employ<S: Subject + Clone + 'static>(
    plan: &Plan,
    nodes: &[S],
    stage: &Arc<Stage>,
    records: &Records,
) -> JoinSet<()> {
    let mut actors = JoinSet::new();
    for (index, steps) in plan.actors.clone() {
        let (node, stage, records) = (nodes[index].clone(), Arc::clone(stage), Arc::clone(records));
        actors.spawn(async move {
            for step in steps {
                act((index, &node), &stage, step, &|record| records.lock().unwrap().push(record)).await;
            }
        });
    }
    actors
}
