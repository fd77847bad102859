//! What a look asks, and what it compares with.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use redstart_connection::{Store, Timestamp};

use crate::{
    Ask, AskCluster, AskDefaultUser, AskLatency, Census, ClusterState, DefaultUser, Facts, FetchNodes,
    FetchSlowLog, Histograms, NodeFacts, NodeInfo, Ping, Reach, ServerClock, ServerLatency, SlowCall, Told,
    recorded::ClientSamples, ring::Ring, window::Samples,
};

/// How long each question to the server may take.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long what changes slowly, or costs more, is good for.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// Calls of the slow log count from here on, whatever the server notes.
const SLOW: Duration = Duration::from_millis(10);
/// Slow calls of before the first look count when they are younger than this.
const RECENT: Duration = Duration::from_secs(300);

/// What a look takes in beside what the server says.
pub(crate) struct Beside {
    pub(crate) recorded: Option<String>,
    pub(crate) census: Option<Arc<Census>>,
}

/// What earlier looks have left to compare with.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    counts: BTreeMap<String, Samples>,
    latencies: Ring<Histograms>,
    /// The number of the last slow call.
    slow: Ring<u64>,
    client: ClientSamples,
    /// How often somebody has waited in vain for an exclusive connection.
    exhausted: Ring<u64>,
    rest: Option<(Instant, Rest)>,
}

/// What is asked more seldom.
#[derive(Clone, Debug)]
struct Rest {
    default_user: Told<DefaultUser>,
    slow_calls: Told<u64>,
    server_latency: Told<ServerLatency>,
    cluster: Told<ClusterState>,
}

impl Finder {
    /// Looks at the store; takes half a second at most.
    pub(crate) async fn find(&mut self, store: &Store, beside: Beside) -> Facts {
        let (within, clock) = (store.within(PATIENCE), store.clock());
        let sent_at = clock.instant();
        let answer = within.run(&Ping).await;
        let took = clock.instant().duration_since(sent_at);
        let reach = answer.as_ref().err().map_or(Reach::Answered, Reach::of);
        let mut facts =
            Facts { reach, cause: answer.err().map(|error| error.to_string()), ..Facts::default() };
        if reach == Reach::Answered {
            facts.latency = Some(took);
            let (nodes, skew, rest) =
                tokio::join!(within.run(&FetchNodes), skew(&within), Rest::ask(&within, self.is_due(store)));
            match nodes {
                Ok(nodes) => self.take_in(nodes, clock.instant(), &mut facts),
                Err(error) => facts.cause = Some(error.to_string()),
            }
            facts.clock_skew = skew;
            if let Some(asked) = rest {
                let rest = self.compare(asked, clock.now(), clock.instant());
                self.rest = Some((clock.instant(), rest));
            }
            if let Some((_, rest)) = &self.rest {
                let Rest { default_user, slow_calls, server_latency, cluster } = rest.clone();
                (facts.default_user, facts.slow_calls) = (default_user, slow_calls);
                (facts.server_latency, facts.cluster) = (server_latency, cluster);
            }
        }
        facts.status = store.status();
        facts.now = clock.now();
        facts.is_local = is_local(store.describe());
        facts.census = beside.census;
        facts.client = beside.recorded.map(|text| self.client.add(&text, clock.instant()));
        facts.pool_exhausted = self.exhausted_lately(facts.status.exclusive_exhausted, clock.instant());
        facts
    }

    fn is_due(&self, store: &Store) -> bool {
        let now = store.clock().instant();
        self.rest.as_ref().is_none_or(|(at, _)| now.duration_since(*at) >= FRESH_FOR)
    }

    fn take_in(&mut self, nodes: Vec<NodeInfo>, now: Instant, facts: &mut Facts) {
        self.counts.retain(|address, _| nodes.iter().any(|node| node.address == *address));
        let mut found = Vec::with_capacity(nodes.len());
        for NodeInfo { address, info } in nodes {
            let server = info.known().cloned();
            let window =
                server.as_ref().map(|info| self.counts.entry(address.clone()).or_default().add(info, now));
            found.push(NodeFacts { address, server, window });
        }
        if let Some(NodeFacts { server, window, .. }) = found.first() {
            (facts.server, facts.window) = (server.clone(), window.clone());
        }
        if found.len() > 1 {
            facts.nodes = found;
        }
    }

    /// Compares what was asked with what earlier looks found.
    fn compare(&mut self, asked: Asked, now: Timestamp, at: Instant) -> Rest {
        let Asked { default_user, slow_log, latency, cluster } = asked;
        let slow_calls = slow_log.map(|calls| self.slow_calls(&calls, now, at));
        let server_latency = latency.map(|histograms| {
            let window = histograms.since(self.latencies.oldest(at));
            self.latencies.add(at, histograms);
            window
        });
        Rest { default_user, slow_calls, server_latency, cluster }
    }

    fn slow_calls(&mut self, calls: &[SlowCall], now: Timestamp, at: Instant) -> u64 {
        let last = calls.iter().map(|call| call.id).max();
        // The numbers begin again with the server.
        if self.slow.newest().is_some_and(|newest| last.is_none_or(|last| last < *newest)) {
            self.slow.clear();
        }
        let is_new: Box<dyn Fn(&SlowCall) -> bool> = match self.slow.oldest(at) {
            Some((_, &earlier)) => Box::new(move |call| call.id > earlier),
            None => Box::new(move |call| now.since(call.at.timestamp()) <= RECENT),
        };
        let slow = calls.iter().filter(|call| call.duration >= SLOW && is_new(call)).count();
        if let Some(last) = last {
            self.slow.add(at, last);
        }
        u64::try_from(slow).unwrap_or(u64::MAX)
    }

    fn exhausted_lately(&mut self, exhausted: u64, at: Instant) -> u64 {
        let lately = match self.exhausted.oldest(at) {
            Some((_, earlier)) => exhausted.saturating_sub(*earlier),
            None => exhausted,
        };
        self.exhausted.add(at, exhausted);
        lately
    }
}

/// What the server answered to the more seldom questions.
struct Asked {
    default_user: Told<DefaultUser>,
    slow_log: Told<Vec<SlowCall>>,
    latency: Told<Histograms>,
    cluster: Told<ClusterState>,
}

impl Rest {
    /// Asks, if it is due.
    async fn ask(store: &Store, is_due: bool) -> Option<Asked> {
        if !is_due {
            return None;
        }
        let slow_log = Ask(FetchSlowLog::new(u32::MAX));
        let (default_user, slow_log, latency, cluster) = tokio::join!(
            store.run(&Ask(AskDefaultUser)),
            store.run(&slow_log),
            store.run(&Ask(AskLatency)),
            store.run(&Ask(AskCluster)),
        );
        Some(Asked {
            default_user: Told::asked(default_user),
            slow_log: Told::asked(slow_log),
            latency: Told::asked(latency),
            cluster: Told::asked(cluster),
        })
    }
}

/// How far the clocks are apart at least: the server's answer came from some moment of the round trip.
async fn skew(store: &Store) -> Option<Duration> {
    let clock = store.clock();
    let sent_at = clock.now();
    let told = store.run(&Ask(ServerClock)).await.ok()?;
    let (server, heard_at) = (*told.known()?, clock.now());
    Some(sent_at.since(server).max(server.since(heard_at)))
}

/// Whether what the store describes itself by is on this machine.
fn is_local(description: &str) -> bool {
    let address = description.rsplit_once('@').map_or(description, |(_, address)| address);
    let address = address.split_once("://").map_or(address, |(_, address)| address);
    ["127.", "localhost", "[::1]", "/", "memory"].iter().any(|start| address.starts_with(start))
        || description.starts_with("unix")
        || description.starts_with("redis+unix")
}

#[cfg(test)]
mod tests;
