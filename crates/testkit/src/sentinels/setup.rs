//! How servers come under sentinels.

use std::time::Duration;

use super::{GUARD, MASTER_NAME, Sentinels};
use crate::{
    server::{RedisServer, Setup},
    wait::block_until,
};

const REPLICAS: usize = 2;
const SENTINELS: usize = 3;
const QUORUM: usize = 2;

/// What servers and their sentinels are to be started with.
#[derive(Clone, Debug)]
pub struct SentinelsSetup {
    servers: Setup,
    sentinels: Setup,
    password: Option<String>,
    sentinel_password: Option<String>,
    down_after: Duration,
    failover_timeout: Duration,
}

impl SentinelsSetup {
    pub(super) fn new() -> Self {
        Self {
            servers: Setup::default(),
            sentinels: Setup::default(),
            password: None,
            sentinel_password: None,
            down_after: Duration::from_secs(1),
            failover_timeout: Duration::from_secs(4),
        }
    }

    /// How long a silent server is waited for.
    ///
    /// Less makes tests quicker and a busy machine's pauses into failovers. Defaults to 1 second.
    #[must_use]
    pub fn down_after(mut self, silence: Duration) -> Self {
        self.down_after = silence;
        self
    }

    /// How long a failover may take; another is tried after twice as long. Defaults to 4 seconds.
    #[must_use]
    pub fn failover_timeout(mut self, timeout: Duration) -> Self {
        self.failover_timeout = timeout;
        self
    }

    /// The servers ask every client for a password, the sentinels among them.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.servers = self.servers.password(password).option("masterauth", password);
        self.password = Some(password.to_owned());
        self
    }

    /// Adds a user to the servers, with ACL rules such as `~app:* +@all -@dangerous`.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str, rules: &str) -> Self {
        self.servers = self.servers.user(name, password, rules);
        self
    }

    /// Adds a line to the redis.conf of every server.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.servers = self.servers.option(name, value);
        self
    }

    /// The sentinels ask every client for a password, each other among them.
    #[must_use]
    pub fn sentinel_password(mut self, password: &str) -> Self {
        self.sentinels = self.sentinels.password(password);
        self.sentinel_password = Some(password.to_owned());
        self
    }

    /// Adds a user to the sentinels, with ACL rules such as `+@all`.
    #[must_use]
    pub fn sentinel_user(mut self, name: &str, password: &str, rules: &str) -> Self {
        self.sentinels = self.sentinels.user(name, password, rules);
        self
    }

    /// Starts servers and sentinels, and returns when all of them know each other.
    ///
    /// # Panics
    ///
    /// Panics when a process doesn't start, or when they don't find together within half a minute.
    #[must_use]
    pub fn start(self) -> Sentinels {
        let Self { servers, sentinels, password, sentinel_password, down_after, failover_timeout } = self;
        let servers =
            servers.option("replica-announce-ip", "127.0.0.1").option("repl-diskless-sync-delay", "0");
        let master = servers.clone().start();
        let port = master.address().port().to_string();
        let follower = servers.option("replicaof", &format!("127.0.0.1 {port}"));
        let mut members = vec![master];
        members.extend((0..REPLICAS).map(|_| follower.clone().start()));
        // The first look of a sentinel must find the replicas: the next one is seconds away.
        block_until(GUARD, || super::stability::replicated(&members, members[0].address()));

        let of_master =
            |name: &str, value: &str| (format!("sentinel {name} {MASTER_NAME}"), value.to_owned());
        let mut lines = vec![
            ("sentinel announce-ip".to_owned(), "127.0.0.1".to_owned()),
            of_master("monitor", &format!("127.0.0.1 {port} {QUORUM}")),
            of_master("down-after-milliseconds", &down_after.as_millis().to_string()),
            of_master("failover-timeout", &failover_timeout.as_millis().to_string()),
            of_master("parallel-syncs", &REPLICAS.to_string()),
        ];
        lines.extend(password.map(|password| of_master("auth-pass", &password)));
        lines.extend(sentinel_password.map(|password| ("sentinel sentinel-pass".to_owned(), password)));
        let setup = lines.iter().fold(sentinels.sentinel(), |setup, (name, value)| setup.option(name, value));
        let sentinels: Vec<_> = (0..SENTINELS).map(|_| setup.clone().start()).collect();
        sentinels.iter().for_each(hasten);

        let sentinels = Sentinels { servers: members, sentinels };
        block_until(GUARD, || sentinels.settled());
        sentinels
    }
}

/// Makes a sentinel look and tell more often than once in seconds, and not distrust itself on a machine that
/// was too busy to let it.
pub(super) fn hasten(sentinel: &RedisServer) {
    const PERIODS: [(&str, &str); 5] = [
        ("INFO-PERIOD", "200"),
        ("PUBLISH-PERIOD", "200"),
        ("ASK-PERIOD", "200"),
        ("TILT-TRIGGER", "20000"),
        ("TILT-PERIOD", "1000"),
    ];
    let mut command = vec!["SENTINEL", "DEBUG"];
    command.extend(PERIODS.into_iter().flat_map(|(name, value)| [name, value]));
    // A server without this command keeps its own pace, with which everything works, only later.
    drop(sentinel.raw().try_command(&command));
}
