//! From the text of `INFO` to the types.

use std::time::Duration;

use super::{
    Clients, Cpu, Database, Engine, ErrorCount, MemoryUse, Mode, Persistence, Replication, Role, Server,
    ServerInfo, Stats,
    fields::{Fields, parts},
};

impl ServerInfo {
    /// Reads the text that `INFO` answers; anything is a legal text.
    ///
    /// ```
    /// use redstart_monitor::{Engine, ServerInfo};
    ///
    /// let info = ServerInfo::parse("redis_version:7.2.4\r\nvalkey_version:8.1.1\r\nnews:1\r\n");
    /// assert_eq!((info.server.engine, info.server.major()), (Engine::Valkey, Some(8)));
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let fields = Fields::parse(text);
        Self {
            server: Server::of(&fields),
            clients: Clients {
                connected: fields.number("connected_clients"),
                blocked: fields.number("blocked_clients"),
                max: fields.optional("maxclients"),
                tracking: fields.number("tracking_clients"),
                listening: fields.number::<u64>("pubsub_clients") + fields.number::<u64>("watching_clients"),
            },
            memory: MemoryUse {
                used: fields.number("used_memory"),
                peak: fields.number("used_memory_peak"),
                resident: fields.number("used_memory_rss"),
                dataset: fields.number("used_memory_dataset"),
                machine: fields.optional("total_system_memory").filter(|bytes| *bytes > 0),
                limit: fields.optional("maxmemory").filter(|limit| *limit > 0),
                policy: fields.text("maxmemory_policy"),
                fragmentation: fields.number("mem_fragmentation_ratio"),
            },
            persistence: Persistence {
                loading: fields.is("loading", "1"),
                unsaved_changes: fields.number("rdb_changes_since_last_save"),
                last_snapshot: fields.number("rdb_last_save_time"),
                snapshot_failed: fields.is("rdb_last_bgsave_status", "err"),
                append_only: fields.is("aof_enabled", "1"),
                append_failed: fields.is("aof_last_write_status", "err")
                    || fields.is("aof_last_bgrewrite_status", "err"),
                snapshot_running: fields.is("rdb_bgsave_in_progress", "1"),
                // Before the first it is -1.
                last_snapshot_took: fields.optional("rdb_last_bgsave_time_sec").map(Duration::from_secs),
                rewrite_running: fields.is("aof_rewrite_in_progress", "1"),
                append_delayed: fields.number("aof_delayed_fsync"),
            },
            stats: Stats::of(&fields),
            replication: Replication::of(&fields),
            cpu: Cpu {
                system_seconds: fields.number("used_cpu_sys"),
                user_seconds: fields.number("used_cpu_user"),
            },
            errors: fields.all().filter_map(|(name, value)| ErrorCount::of(name, value)).collect(),
            keyspace: fields.all().filter_map(|(name, value)| Database::of(name, value)).collect(),
        }
    }

    /// How many keys there are, in all databases.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.keyspace.iter().map(|database| database.keys).sum()
    }
}

impl Server {
    fn of(fields: &Fields<'_>) -> Self {
        // Valkey keeps a `redis_version` for old clients, so it must be asked for its own first.
        let valkey = fields.get("valkey_version");
        let engine = match (valkey, fields.get("server_name"), fields.get("redis_version")) {
            (Some(_), _, _) | (_, Some("valkey"), _) => Engine::Valkey,
            (_, _, Some(_)) => Engine::Redis,
            _ => Engine::Unknown,
        };
        let mode = match fields.get("server_mode").or_else(|| fields.get("redis_mode")) {
            Some("standalone") => Mode::Standalone,
            Some("sentinel") => Mode::Sentinel,
            Some("cluster") => Mode::Cluster,
            _ => Mode::Unknown,
        };
        Self {
            engine,
            version: valkey.map_or_else(|| fields.text("redis_version"), str::to_owned),
            mode,
            os: fields.text("os"),
            run_id: fields.text("run_id"),
            tcp_port: fields.number("tcp_port"),
            uptime: Duration::from_secs(fields.number("uptime_in_seconds")),
        }
    }

    /// The first number of the version; none when the server does not say.
    #[must_use]
    pub fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }
}

impl MemoryUse {
    /// The share of the bound that is in use; none without a bound.
    #[must_use]
    pub fn usage(&self) -> Option<f64> {
        ratio(self.used, self.limit?)
    }
}

impl Clients {
    /// The share of the possible connections that is taken; none when the server does not say.
    #[must_use]
    pub fn usage(&self) -> Option<f64> {
        ratio(self.connected, self.max?)
    }
}

impl Stats {
    fn of(fields: &Fields<'_>) -> Self {
        Self {
            connections_received: fields.number("total_connections_received"),
            rejected_connections: fields.number("rejected_connections"),
            commands_processed: fields.number("total_commands_processed"),
            ops_per_second: fields.number("instantaneous_ops_per_sec"),
            keyspace_hits: fields.number("keyspace_hits"),
            keyspace_misses: fields.number("keyspace_misses"),
            expired_keys: fields.number("expired_keys"),
            evicted_keys: fields.number("evicted_keys"),
            error_replies: fields.number("total_error_replies"),
            denied_commands: ["auth", "cmd", "key", "channel"]
                .iter()
                .map(|kind| fields.number::<u64>(&format!("acl_access_denied_{kind}")))
                .sum(),
            evicted_clients: fields.number("evicted_clients"),
            input_bytes: fields.number("total_net_input_bytes"),
            output_bytes: fields.number("total_net_output_bytes"),
            latest_fork: Duration::from_micros(fields.number("latest_fork_usec")),
        }
    }

    /// The share of reads that found their key, since the start; none before the first read.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        ratio(self.keyspace_hits, self.keyspace_hits.saturating_add(self.keyspace_misses))
    }
}

impl Replication {
    fn of(fields: &Fields<'_>) -> Self {
        let is_replica = |name: &str| {
            let number = name.strip_prefix("slave").or_else(|| name.strip_prefix("replica"));
            number
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let replicas: Vec<_> =
            fields.all().filter(|(name, _)| is_replica(name)).map(|(_, value)| value).collect();
        let of_each = |part: &str| -> Vec<u64> {
            let number = |value: &&str| parts(value).find(|(name, _)| *name == part)?.1.parse().ok();
            replicas.iter().filter_map(number).collect()
        };
        let offset = fields.number("master_repl_offset");
        Self {
            role: match fields.get("role") {
                Some("master" | "primary") => Role::Primary,
                Some("slave" | "replica") => Role::Replica,
                _ => Role::Unknown,
            },
            replicas: fields.number("connected_slaves"),
            lag: of_each("lag").into_iter().max().map(Duration::from_secs),
            link_up: fields.get("master_link_status").map(|status| status == "up"),
            offset,
            behind: of_each("offset").into_iter().min().map(|least| offset.saturating_sub(least)),
        }
    }
}

impl ErrorCount {
    /// `errorstat_OOM:count=3`
    fn of(name: &str, value: &str) -> Option<Self> {
        let code = name.strip_prefix("errorstat_")?.to_owned();
        let (_, count) = parts(value).find(|(name, _)| *name == "count")?;
        Some(Self { code, count: count.parse().ok()? })
    }
}

impl Database {
    fn of(name: &str, value: &str) -> Option<Self> {
        let mut database = Self { index: name.strip_prefix("db")?.parse().ok()?, ..Self::default() };
        for (name, value) in parts(value) {
            let Ok(number) = value.parse() else { continue };
            match name {
                "keys" => database.keys = number,
                "expires" => database.expiring = number,
                "avg_ttl" => database.average_ttl = Duration::from_millis(number),
                _ => {}
            }
        }
        Some(database)
    }
}

/// `part` of `whole`; none when the whole is nothing.
#[expect(clippy::cast_precision_loss, reason = "a share needs three digits, not nineteen")]
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
