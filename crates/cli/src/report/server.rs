//! A report of a server, asked itself.

use std::time::Duration;

use hdrhistogram::Histogram;
use redstart_connection::Store;
use redstart_monitor::{Ask, AskLatency, FetchNodes, Monitor, Ping, ServerInfo, Told};

use super::{CommandRow, Direction, Figure, Finding, Report};
use crate::{
    Console, Failure, Server,
    load::{Measure, Spread, histogram},
};

/// How long a look of the monitor is kept.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How often it is asked how long a `PING` takes.
const PING_EVERY: Duration = Duration::from_millis(50);

pub(super) async fn report(server: &Server, lasts: Duration, console: &Console) -> Result<Report, Failure> {
    let store = server.store()?;
    if store.is_memory() {
        console.note("no server is configured: this is the embedded store in this process");
    }
    let monitor = Monitor::new(store.clone());
    let mut report = Report { target: store.describe().to_owned(), ..Report::default() };
    // The monitor asks what some servers answer with an error, which is not to be counted as theirs.
    monitor.report().await;
    let before = Look::at(&store).await;
    let pings = ping(&store, lasts, console).await;
    let after = Look::at(&store).await;
    // A look is kept for a second, and the health is that of the end.
    tokio::time::sleep(FRESH_FOR.saturating_sub(lasts)).await;
    let (facts, health) = monitor.report().await;
    report.reachable = health.reachable;
    report.watched_seconds = after.at.duration_since(before.at).as_secs_f64();
    report.grade(health.score);
    report.find(health.issues.iter().map(Finding::from).collect());
    report.figures = pinged(&pings);
    report.figures.extend(counted(&before, &after));
    if let Some(server) = &facts.server {
        report.figures.extend(kept(server, &after));
    }
    report.commands = commands(&before, &after);
    Ok(report)
}

/// What the server says at one moment.
struct Look {
    at: std::time::Instant,
    infos: Vec<ServerInfo>,
    latency: Told<redstart_monitor::Histograms>,
}

impl Look {
    async fn at(store: &Store) -> Self {
        let (nodes, ask) = (FetchNodes::default(), Ask(AskLatency::default()));
        let (nodes, latency) = tokio::join!(store.run(&nodes), store.run(&ask));
        let nodes = nodes.unwrap_or_default();
        let infos = nodes.into_iter().filter_map(|node| node.info.known().cloned()).collect();
        Self { at: store.clock().instant(), infos, latency: latency.unwrap_or(Told::NoAnswer) }
    }

    fn sum(&self, of: fn(&ServerInfo) -> u64) -> f64 {
        self.infos.iter().map(|info| of(info) as f64).sum()
    }
}

/// Asks for so long how long a `PING` takes.
async fn ping(store: &Store, lasts: Duration, console: &Console) -> Histogram<u64> {
    let (clock, progress) = (store.clock(), console.progress(None, "watching"));
    let begun = clock.instant();
    let mut times = histogram();
    loop {
        let sent = clock.instant();
        if store.run(&Ping::default()).await.is_ok() {
            let took = clock.instant().duration_since(sent).as_micros();
            times.saturating_record(u64::try_from(took).unwrap_or(u64::MAX).max(1));
        }
        progress.at(times.len());
        if lasts <= clock.instant().duration_since(begun) {
            return times;
        }
        tokio::time::sleep(PING_EVERY).await;
    }
}

fn pinged(times: &Histogram<u64>) -> Vec<Figure> {
    if times.is_empty() {
        return Vec::new();
    }
    let Spread { p50_ms, p99_ms, .. } = Spread::of(times);
    let figure =
        |name, value| Figure::new("connectivity", name, value, Measure::Milliseconds, Direction::Less);
    vec![figure("ping p50", p50_ms), figure("ping p99", p99_ms)]
}

/// What was counted between two looks.
fn counted(before: &Look, after: &Look) -> Vec<Figure> {
    if before.infos.len() != after.infos.len() || after.infos.is_empty() {
        return Vec::new();
    }
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let gained = |of: fn(&ServerInfo) -> u64| (after.sum(of) - before.sum(of)).max(0.0);
    let rate =
        |name, of, better| Figure::new("throughput", name, gained(of) / seconds, Measure::PerSecond, better);
    let mut figures = vec![
        rate("commands", |info| info.stats.commands_processed, Direction::Neither),
        rate("error replies", |info| info.stats.error_replies, Direction::Less),
        rate("keys evicted", |info| info.stats.evicted_keys, Direction::Less),
        rate("keys expired", |info| info.stats.expired_keys, Direction::Neither),
    ];
    // Of what was read lately; where that is little, of the life of the server.
    let hits = |info: &ServerInfo| info.stats.keyspace_hits;
    let misses = |info: &ServerInfo| info.stats.keyspace_misses;
    let lately = (gained(hits), gained(misses));
    let (hits, misses) =
        if 1_000.0 <= lately.0 + lately.1 { lately } else { (after.sum(hits), after.sum(misses)) };
    if 0.0 < hits + misses {
        let rate = hits / (hits + misses);
        figures.push(Figure::new(
            "hit rates",
            "hit rate of the server",
            rate,
            Measure::Share,
            Direction::More,
        ));
    }
    figures
}

/// What the server holds.
fn kept(server: &ServerInfo, look: &Look) -> Vec<Figure> {
    let bytes = |name, of, better| Figure::new("memory", name, look.sum(of), Measure::Bytes, better);
    let count = |group, name, value| Figure::new(group, name, value, Measure::Count, Direction::Neither);
    let mut figures = vec![
        count("connectivity", "clients", look.sum(|info| info.clients.connected)),
        bytes("memory used", |info| info.memory.used, Direction::Less),
        bytes("memory at its peak", |info| info.memory.peak, Direction::Less),
    ];
    let (used, limit) =
        (look.sum(|info| info.memory.used), look.sum(|info| info.memory.limit.unwrap_or_default()));
    if limit > 0.0 {
        figures.push(Figure::new("memory", "memory in use", used / limit, Measure::Share, Direction::Less));
    }
    if server.memory.fragmentation > 0.0 {
        let value = server.memory.fragmentation;
        figures.push(Figure::new("memory", "fragmentation", value, Measure::Count, Direction::Less));
    }
    let keys: u64 = look.infos.iter().flat_map(|info| &info.keyspace).map(|database| database.keys).sum();
    figures.push(count("memory", "keys", keys as f64));
    figures
}

/// How long the commands between two looks took, or since the start of the server where that can't be told.
fn commands(before: &Look, after: &Look) -> Vec<CommandRow> {
    let Some(now) = after.latency.known() else { return Vec::new() };
    let earlier = before.latency.known().map(|earlier| (after.at.duration_since(before.at), earlier));
    now.since(earlier).commands.iter().map(CommandRow::from).collect()
}
