//! Everything that can be set from outside, by both of its names.

/// One setting: the variable that holds it, and its field in a file.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Variable {
    /// Its name in the environment.
    pub name: &'static str,
    /// Other names of the same, as platforms set them.
    pub aliases: &'static [&'static str],
    /// Its field in the table `[redis]` of a file, such as `tls.ca_file`; none where a file can't say it.
    pub field: Option<&'static str>,
    /// What holds when it is not set.
    pub default: &'static str,
    /// What it says.
    pub description: &'static str,
}

impl Variable {
    /// The setting of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        VARIABLES.iter().find(|variable| variable.name == name)
    }

    const fn aliased(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }
}

const fn setting(
    name: &'static str,
    field: &'static str,
    default: &'static str,
    description: &'static str,
) -> Variable {
    Variable { name, aliases: &[], field: Some(field), default, description }
}

/// Every environment variable that a store reads, with its field in a file.
///
/// ```
/// use redstart_connection::VARIABLES;
///
/// let size = VARIABLES.iter().find(|variable| variable.name == "REDIS_POOL_SIZE");
/// assert_eq!(size.and_then(|variable| variable.field), Some("pool.size"));
/// ```
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "REDIS_CONFIG_FILE",
        aliases: &[],
        field: None,
        default: "none",
        description: "TOML file with a table `[redis]`; what the environment says goes before what it says.",
    },
    setting(
        "ENVIRONMENT",
        "environment",
        "none",
        "`development`, `staging` or `production`: what is tolerated, see the guide.",
    ),
    setting("REDIS_ALLOW_INSECURE", "allow_insecure", "false", "`true` lets production do without TLS and password."),
    setting("REDIS_MODE", "mode", "by what is set", "`standalone`, `sentinel`, `cluster`, `rest` or `memory`."),
    setting(
        "REDIS_URL",
        "url",
        "none",
        "Address of the server: `redis://user:password@host:port/db`, `rediss://…` for TLS, `unix:/path` for a socket.",
    )
    .aliased(&["KV_URL"]),
    setting("REDIS_HOST", "host", "none", "Host alone, where no URL is given."),
    setting("REDIS_PORT", "port", "6379", "Port, with `REDIS_HOST` or a URL that has none."),
    setting("REDIS_DB", "db", "0", "Number of the database."),
    setting("REDIS_USERNAME", "username", "none", "User of the server's access control list."),
    setting("REDIS_PASSWORD", "password", "none", "Password."),
    setting(
        "REDIS_PASSWORD_FILE",
        "password_file",
        "none",
        "File that holds the password, read again every 30 seconds; instead of `REDIS_PASSWORD`.",
    ),
    setting("REDIS_KEY_PREFIX", "prefix", "none", "Prefix of all names; one trailing colon is dropped."),
    setting(
        "REDIS_DIGEST_SECRET",
        "digest_secret",
        "from the prefix",
        "Secret that keys the digests of sensitive ids; the same in all processes.",
    ),
    setting(
        "REDIS_NODES",
        "nodes",
        "none",
        "Some nodes of the cluster, or the sentinels: `host:port`, separated by commas.",
    ),
    setting("REDIS_REPLICA_READS", "replica_reads", "false", "`true` lets reads of a cluster go to replicas, which lag behind."),
    setting("REDIS_SENTINEL_MASTER", "sentinel.master", "none", "What the sentinels call the master."),
    setting("REDIS_SENTINEL_USERNAME", "sentinel.username", "none", "User at the sentinels."),
    setting("REDIS_SENTINEL_PASSWORD", "sentinel.password", "none", "Password at the sentinels."),
    setting(
        "REDIS_REST_URL",
        "rest.url",
        "none",
        "Address of the server behind HTTP, where no other is named.",
    )
    .aliased(&["UPSTASH_REDIS_REST_URL", "KV_REST_API_URL"]),
    setting(
        "REDIS_REST_TOKEN",
        "rest.token",
        "none",
        "Its token.",
    )
    .aliased(&["UPSTASH_REDIS_REST_TOKEN", "KV_REST_API_TOKEN"]),
    setting(
        "REDIS_COORDINATION_URL",
        "coordination_url",
        "the same server",
        "Address of a second server, for locks, limits and state.",
    ),
    setting("REDIS_TLS", "tls.enabled", "by what is set", "`true` encrypts, `false` does not even where files are named; `rediss://` needs no more."),
    setting("REDIS_TLS_CA_FILE", "tls.ca_file", "the machine's", "PEM file of the authorities to trust; turns TLS on."),
    setting("REDIS_TLS_CERT_FILE", "tls.cert_file", "none", "PEM file of the certificate to show; turns TLS on."),
    setting("REDIS_TLS_KEY_FILE", "tls.key_file", "none", "PEM file of its key."),
    setting("REDIS_TLS_SERVER_NAME", "tls.server_name", "the host", "Name that the server's certificate must bear; turns TLS on."),
    setting(
        "REDIS_CONNECT_TIMEOUT",
        "timeouts.connect",
        "100 ms; rest 1 s",
        "How long a call waits for a connection; a bare number is milliseconds.",
    ),
    setting(
        "REDIS_READ_TIMEOUT",
        "timeouts.command",
        "200 ms; rest 1 s",
        "How long a call may take, everything included; a bare number is milliseconds.",
    ),
    setting(
        "REDIS_HANDSHAKE_TIMEOUT",
        "timeouts.handshake",
        "1 s; TLS at least 3 s",
        "How long opening a connection may take, in the background; a bare number is milliseconds.",
    ),
    setting("REDIS_LANES", "pool.lanes", "2", "Connections to each server that ordinary commands share."),
    setting("REDIS_POOL_SIZE", "pool.size", "20", "Connections to each server for commands that block."),
    setting("REDIS_MAX_CONNECTIONS", "pool.max_connections", "100", "Connections of the process, all together."),
    setting(
        "REDIS_POOL_UTILIZATION_THRESHOLD",
        "pool.utilization_threshold",
        "80",
        "Percent of the pool in use above which health is called degraded.",
    ),
    setting(
        "REDIS_CONNECTION_IDLE_TIMEOUT",
        "pool.idle_timeout",
        "300 s",
        "Time after which an idle connection of the pool is closed; a bare number is seconds.",
    ),
    setting(
        "REDIS_CONNECTION_MAX_AGE",
        "pool.max_age",
        "1800 s",
        "Time after which any connection of the pool is replaced; a bare number is seconds.",
    ),
    setting("REDIS_BREAKER", "breaker.enabled", "true", "`false` goes on asking a server that fails."),
    setting("REDIS_BREAKER_WINDOW", "breaker.window", "10 s", "How far back calls count; a bare number is seconds."),
    setting("REDIS_BREAKER_RATIO", "breaker.failure_rate", "0.5", "Share of failed calls that opens the breaker."),
    setting("REDIS_BREAKER_SLOW_RATIO", "breaker.slow_rate", "0.8", "Share of slow calls that opens it."),
    setting(
        "REDIS_BREAKER_SLOW_CALL",
        "breaker.slow_call",
        "80 % of `REDIS_READ_TIMEOUT`",
        "From when on a call is slow; a bare number is milliseconds.",
    ),
    setting("REDIS_BREAKER_MIN", "breaker.min_calls", "20", "Calls that the window must hold before it opens."),
    setting("REDIS_BREAKER_OPEN", "breaker.open_for", "1 s", "How long it is open at first; a bare number is seconds."),
    setting(
        "REDIS_BREAKER_OPEN_MAX",
        "breaker.open_for_at_most",
        "30 s",
        "How long at most, as it doubles with every probe that fails; a bare number is seconds.",
    ),
    setting("REDIS_BREAKER_PROBES", "breaker.half_open_calls", "3", "Probes that must succeed to close it."),
    setting(
        "REDIS_FALLBACK",
        "fallback",
        "memory",
        "Where caches and limits go on while Redis is away: `memory`, or `none` to fail.",
    ),
    setting(
        "REDIS_TTL_RATE_LIMIT",
        "rate_limit_ttl",
        "3600 s",
        "Time that what a limit has counted is kept at least; a bare number is seconds.",
    ),
    setting(
        "REDIS_MEMORY_POLICY",
        "server.memory_policy",
        "not looked at",
        "Eviction policy that the server should have, such as `noeviction`.",
    ),
    setting(
        "REDIS_MAX_MEMORY",
        "server.max_memory",
        "not looked at",
        "Memory that the server should be bounded to, such as `256mb`.",
    ),
];
