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

/// Answers overtake each other.
const SLOW: Fault = Fault::Jitter { least: Duration::ZERO, most: Duration::from_millis(20) };
/// Keys from here on are changed and never read, and how many of them are.
const UNREAD: u64 = 1_000_000;
const CHANGED_UNREAD: u64 = 400;
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
    /// A server with a way to it for each of so many nodes, which live elsewhere.
    pub(super) async fn empty(nodes: usize) -> Self {
        let mut world = Self {
            server: RedisServer::start(),
            prefix: fresh_prefix(),
            proxies: Vec::new(),
            nodes: Vec::new(),
        };
        for _ in 0..nodes {
            world.proxies.push(Proxy::start(world.server.address()).await);
        }
        world
    }

    /// A server with nodes in this process, every second of which is eager.
    pub(super) async fn start(nodes: usize) -> Self {
        let kinds: [fn(Store) -> Node; 2] = [Node::new, Node::eager];
        Self::of((0..nodes).map(|node| kinds[node % 2])).await
    }

    /// A server with nodes of these kinds in this process.
    pub(super) async fn of(kinds: impl ExactSizeIterator<Item = fn(Store) -> Node>) -> Self {
        let mut world = Self::empty(kinds.len()).await;
        for (node, kind) in kinds.enumerate() {
            let node = kind(world.store(&world.url_of(node)));
            node.cache.ready().await;
            world.nodes.push(node);
        }
        world
    }

    /// How a node reaches the server.
    pub(super) fn url_of(&self, node: usize) -> String {
        self.server.url_at(self.proxies[node].address())
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
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
        records.lock().unwrap().clone()
    }

    /// Lets something befall the nodes or their server.
    pub(super) async fn afflict(&mut self, fate: Fate) {
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
                self.proxies[node].set(SLOW);
            }
            Fate::Reset(node) => self.proxies[node].reset_existing(),
            Fate::Cut(node) => self.cut(node, Duration::from_millis(400)).await,
            Fate::Away(node) => self.cut(node, 2 * MAX_STALENESS + Duration::from_millis(700)).await,
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
            Fate::Stop(_) | Fate::Kill(_) => panic!("nodes of this process can't be stopped one by one"),
            Fate::Fill => {
                let fill = "for i = 1, tonumber(ARGV[2]) do
                              redis.call('SET', ARGV[1] .. ':cache:history:{' .. (1000 + i) .. '}', 'x', 'EX', 600)
                            end";
                self.server.raw().command(&["EVAL", fill, "0", &self.prefix, &FILLING.to_string()]);
            }
        }
    }

    /// Cuts a node off for a while; on its return answers overtake each other.
    async fn cut(&self, node: usize, time: Duration) {
        self.proxies[node].set(Fault::Refuse);
        self.proxies[node].reset_existing();
        sleep(time / 2).await;
        // So much to be said to the server when it is back that what comes last waits for its turn.
        if let Some(node) = self.nodes.get(node) {
            for id in UNREAD..UNREAD + CHANGED_UNREAD {
                drop(node.cache.invalidate(&id).await);
            }
        }
        sleep(time / 2).await;
        self.proxies[node].set(SLOW);
        sleep(Duration::from_millis(300)).await;
        self.proxies[node].set(Fault::None);
    }

    fn trim(&self) {
        let stream = format!("{}:cache:redstart:#inv", self.prefix);
        self.server.raw().command(&["XTRIM", &stream, "MAXLEN", "1"]);
    }

    /// Ends all that befell them, and waits until everybody must have heard of everything.
    async fn rest(&self) {
        self.calm();
        for node in &self.nodes {
            eventually(GUARD, async || node.is_connected().await).await;
        }
        sleep(MAX_STALENESS + Duration::from_millis(200)).await;
    }

    /// Ends whatever befell the ways to the server.
    pub(super) fn calm(&self) {
        self.proxies.iter().for_each(|proxy| proxy.set(Fault::None));
    }

    /// Notes what the server has.
    pub(super) async fn look_at_server(&self, note: &(impl Fn(Record) + Sync)) {
        let far = Node::far(self.store(&self.server.url()));
        for key in 0..KEYS {
            let began = now();
            // What is not there is not wrong.
            if let Some((version, _)) = far.look(key).await {
                note(Record { what: What::AtRest, node: usize::MAX, key, version, began, ended: now() });
            }
        }
    }

    async fn look_at_rest(&self, stage: &Stage, note: &(impl Fn(Record) + Sync)) {
        self.look_at_server(note).await;
        for (index, node) in self.nodes.iter().enumerate() {
            look_at_node((index, node), stage, note).await;
        }
    }
}

/// Notes what a node has of each key.
pub(super) async fn look_at_node(
    (index, node): (usize, &Node),
    stage: &Stage,
    note: &(impl Fn(Record) + Sync),
) {
    for key in 0..KEYS {
        let began = now();
        let (version, _) = timeout(GUARD, node.read(key, stage.register.read(key))).await.unwrap();
        note(Record { what: What::AtRest, node: index, key, version, began, ended: now() });
    }
}

/// Plays a plan on a cache that is all there is.
pub(super) async fn play_alone(subject: impl Subject + Clone + 'static, plan: &Plan) -> Vec<Record> {
    let (stage, records) = (Arc::new(Stage::new(Register::here())), Records::default());
    let mut actors = employ(plan, std::slice::from_ref(&subject), &stage, &records);
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
    records.lock().unwrap().clone()
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
