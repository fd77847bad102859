//! What is looked at beside the calls: memory, connections, evictions, and this process itself.

use std::{fs, time::Duration};

use redstart_connection::Store;
use redstart_monitor::FetchNodes;

use super::{
    generator::Busy,
    outcome::{Memory, Pool, Use},
};

/// How long a look at the server may take; what does not answer is not known.
const PATIENCE: Duration = Duration::from_millis(250);

/// Looks at the server and at this process now and then.
#[derive(Debug)]
pub(super) struct Watch {
    store: Option<Store>,
    first: Look,
    last: Look,
    server_peak: u64,
    client_peak: u64,
    utilization: Option<f64>,
}

/// What one look found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    pub(super) server: Option<u64>,
    pub(super) client: Option<u64>,
    evicted: Option<u64>,
    /// Time of the processors that this process has used.
    worked: Option<Duration>,
}

impl Watch {
    /// Looks for the first time; without a store, at this process alone.
    pub(super) async fn begin(store: Option<Store>) -> Self {
        let mut watch = Self {
            store,
            first: Look::default(),
            last: Look::default(),
            server_peak: 0,
            client_peak: 0,
            utilization: None,
        };
        watch.first = watch.look().await;
        watch
    }

    /// Looks again; what the server does not tell now is none.
    pub(super) async fn look(&mut self) -> Look {
        let (server, evicted) = self.ask().await.unzip();
        let look = Look { server, client: resident(), evicted, worked: worked() };
        self.server_peak = self.server_peak.max(look.server.unwrap_or_default());
        self.client_peak = self.client_peak.max(look.client.unwrap_or_default());
        self.last = Look {
            server: look.server.or(self.last.server),
            evicted: look.evicted.or(self.last.evicted),
            ..look
        };
        self.utilization = larger(self.utilization, self.in_use());
        look
    }

    /// The memory of the server and of this process, before, meanwhile and after.
    pub(super) fn memory(&self) -> Memory {
        let used = |before: Option<u64>, peak, after: Option<u64>| {
            Some(Use { before: before?, peak, after: after? })
        };
        Memory {
            server: used(self.first.server, self.server_peak, self.last.server),
            client: used(self.first.client, self.client_peak, self.last.client),
        }
    }

    /// Keys thrown out since the first look.
    pub(super) fn evicted(&self) -> Option<u64> {
        Some(self.last.evicted?.saturating_sub(self.first.evicted?))
    }

    pub(super) const fn pool(&self, exhausted: u64) -> Pool {
        Pool { utilization: self.utilization, exhausted }
    }

    /// How many processors this process kept busy in this time.
    pub(super) fn busy(&self, elapsed: Duration) -> Option<Busy> {
        let worked = self.last.worked?.saturating_sub(self.first.worked?);
        let of = std::thread::available_parallelism().ok()?.get();
        Some(Busy { used: worked.as_secs_f64() / elapsed.as_secs_f64(), of })
    }

    /// Bytes in use and keys thrown out, of all servers together.
    async fn ask(&self) -> Option<(u64, u64)> {
        let store = self.store.as_ref().filter(|store| !store.is_memory())?;
        let nodes = store.within(PATIENCE).run(&FetchNodes::default()).await.ok()?;
        let infos: Vec<_> = nodes.iter().filter_map(|node| node.info.known()).collect();
        let sum = |of: fn(&redstart_monitor::ServerInfo) -> u64| infos.iter().map(|info| of(info)).sum();
        (!infos.is_empty()).then(|| (sum(|info| info.memory.used), sum(|info| info.stats.evicted_keys)))
    }

    fn in_use(&self) -> Option<f64> {
        let status = self.store.as_ref()?.status();
        let share = |used: usize, of: usize| (of > 0).then(|| used as f64 / of as f64);
        larger(share(status.in_flight, status.permits), share(status.exclusive_in_use, status.exclusive_size))
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

/// Bytes that this process has in memory; none where the system does not say.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Time of the processors that this process has used; none where the system does not say.
fn worked() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name stands in brackets and may hold anything; of what follows it, the 12th and 13th fields count.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let ticks = times.next()?.ok()? + times.next()?.ok()?;
    // Linux shows hundredths of a second on every platform that people run this on.
    Some(Duration::from_millis(ticks * 10))
}
