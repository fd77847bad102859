//! What can go wrong with a server: planted on a real one, found, named, and gone when its remedy is followed.
//!
//! | fault | rule | planted by |
//! | --- | --- | --- |
//! | no password | `no-password` | a server without one |
//! | wrong eviction policy | `evicts-coordination` | `maxmemory-policy`, and a lock |
//! | memory at 81 % and at 86 % | `memory` | `maxmemory` a little above what is in use |
//! | hit rate of 60 % | `hit-rate` | reads of what is not there |
//! | slow command | `slow-commands` | a script that takes its time |
//! | keys without a TTL | `endless-keys` | such a key |
//! | big key | `big-key` | such a key |
//! | hot key | `hot-key` | a hundred thousand reads |
//! | replica lag | `replica-lag` | a replica that is stopped |
//! | failed snapshot | `snapshot` | a folder in the place of the file |
//! | error of the append-only file | `append-only-file` | a file in the place of its folder |
//! | client limit near | `clients` | connections |
//! | rejected connections | `rejected-connections` | more connections |
//! | blocked clients | `blocked-clients` | readers of an empty list |
//! | open breaker | `breaker` | a server that is stopped |
//! | pool exhausted | `pool-exhausted` | a pool of one, and two readers |
//! | fragmentation | `fragmentation` | two of three values removed |
//! | swap | `swap` | a recorded `INFO`, for no test may take the machine's memory |
//! | certificate that ends soon | `certificate` | such a certificate |
//! | clock skew | `clock-skew` | a process whose clock is ahead |
//! | READONLY | `read-only` | a server that is made a replica |
//! | evictions | `evictions` | more values than there is room for |
//! | slow network | `latency`, `slow-network` | a proxy that holds replies back |
//! | limiter errors | `limiter-errors` | limits while the server is away |
//! | lock losses | `lock-losses` | a lock taken from its holder |

mod connection;
mod keys;
mod memory;
mod process;
mod recorded;
mod server;

use std::time::Duration;

use redstart_connection::{Clock, Config, Store};
use redstart_monitor::{Issue, Monitor, Severity};
use redstart_testkit::{RedisServer, eventually, fresh_prefix};
use tokio::time::timeout;

use crate::support::GUARD;

/// A server under observation.
struct Ward {
    store: Store,
    clock: Clock,
    monitor: Monitor,
}

impl Ward {
    /// A process of its own whose clock the test moves.
    fn of(server: &RedisServer) -> Self {
        Self::with(&config(server))
    }

    fn with(config: &Config) -> Self {
        let clock = Clock::manual(Clock::system().now());
        let store = Store::lazy_with(config, clock.clone()).unwrap();
        Self { monitor: Monitor::new(store.clone()), store, clock }
    }

    /// A process on the machine's clock, for what takes time.
    fn live(config: &Config) -> Self {
        let store = Store::lazy(config).unwrap();
        Self { monitor: Monitor::new(store.clone()), store, clock: Clock::system() }
    }

    /// Lets time pass: the process looks again, and compares with what it saw in the last five minutes.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        drop(self.monitor.health().await);
    }

    /// What came before the last five minutes is forgotten.
    async fn forget(&self) {
        self.pass(Duration::from_secs(301)).await;
        self.pass(Duration::from_secs(11)).await;
    }

    async fn issue(&self, rule: &str) -> Option<Issue> {
        // No earlier look answers for this one.
        self.clock.advance(Duration::from_secs(10));
        self.issue_now(rule).await
    }

    async fn issue_now(&self, rule: &str) -> Option<Issue> {
        let monitor = if self.clock.is_manual() { &self.monitor } else { &Monitor::new(self.store.clone()) };
        monitor.health().await.issues.into_iter().find(|issue| issue.rule == rule)
    }

    /// The rule is broken, so much that it matters, and the remedy says to do what the test does next.
    async fn is_sick(&self, rule: &str, severity: Severity, remedy: &str) {
        let issue = self.issue(rule).await.unwrap_or_else(|| panic!("{rule} is not found"));
        assert_eq!(issue.severity, severity, "{}", issue.message);
        assert!(issue.remedy.contains(remedy), "{rule}: {}", issue.remedy);
        assert!(issue.weight > 0 && !issue.message.is_empty(), "{issue:?}");
    }

    /// The rule is broken some time from now.
    async fn falls_sick(&self, rule: &str, severity: Severity, remedy: &str) {
        let falling = eventually(GUARD * 2, async || self.issue(rule).await.is_some());
        if timeout(GUARD, falling).await.is_err() {
            panic!("{rule} is not found in {:?}", self.monitor.report().await);
        }
        self.is_sick(rule, severity, remedy).await;
    }

    async fn is_well(&self, rule: &str) {
        let issue = self.issue(rule).await;
        assert!(issue.is_none(), "{:?}", issue.map(|issue| issue.message));
        let health = self.monitor.health().await;
        assert!(health.reachable, "{:?}", health.issues);
    }

    async fn recovers(&self, rule: &str) {
        eventually(GUARD, async || self.issue(rule).await.is_none()).await;
    }
}

fn config(server: &RedisServer) -> Config {
    let config = Config::from_url(&server.url()).and_then(|config| config.with_prefix(&fresh_prefix()));
    // A busy machine must not turn a slow answer into a failure.
    config.unwrap().with_connect_timeout(GUARD)
}

/// A field of `INFO`.
fn info(server: &RedisServer, field: &str) -> String {
    let text = server.raw().command(&["INFO"]).text();
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("{field} is not in INFO")).trim().to_owned()
}

fn number(server: &RedisServer, field: &str) -> u64 {
    info(server, field).parse().unwrap()
}
