//! What can be checked without a server.

use std::{fs::File, path::Path, time::Duration};

use super::{Address, BreakerConfig, Config, ConfigError, Mode, Problem, guard, problem::shown};

/// The eviction policies that servers know.
const POLICIES: [&str; 10] = [
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-lrm",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-lrm",
    "volatile-random",
    "volatile-ttl",
];

impl Config {
    /// Checks what can be checked without a server.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redstart_connection::Config;
    ///
    /// let config = Config::memory().with_command_timeout(Duration::ZERO).with_lanes(1_000);
    /// let error = config.validate().expect_err("two numbers make no sense");
    /// assert!(error.to_string().contains("REDIS_LANES is 1000; right would be 1 to 64"));
    /// ```
    ///
    /// # Errors
    ///
    /// Lists every problem at once.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let problems = all(self);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::new(problems)) }
    }
}

fn all(config: &Config) -> Vec<Problem> {
    numbers(config).into_iter().chain(servers(config)).collect()
}

/// What is wrong with the numbers.
pub(super) fn numbers(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let hour = Duration::from_secs(3600);
    let mut time = |name, value: Duration, most: Duration| {
        if value.is_zero() {
            problems.push(Problem::new(name, "is zero", "1ms or more"));
        } else if value > most {
            problems.push(Problem::new(name, format!("is {value:?}"), format!("{most:?} or less")));
        }
    };
    time("REDIS_CONNECT_TIMEOUT", config.connect_timeout, hour);
    time("REDIS_READ_TIMEOUT", config.command_timeout, hour);
    time("REDIS_HANDSHAKE_TIMEOUT", config.handshake_timeout, hour);
    time("REDIS_CONNECTION_IDLE_TIMEOUT", config.idle_timeout, hour * 24);
    time("REDIS_CONNECTION_MAX_AGE", config.max_age, hour * 24 * 7);
    time("REDIS_TTL_RATE_LIMIT", config.least_limit_ttl, hour * 24 * 31);
    if let Some(BreakerConfig { window, slow_call, open_for, open_for_at_most, .. }) = &config.breaker {
        time("REDIS_BREAKER_WINDOW", *window, hour);
        if let Some(slow_call) = slow_call {
            time("REDIS_BREAKER_SLOW_CALL", *slow_call, hour);
        }
        time("REDIS_BREAKER_OPEN", *open_for, hour);
        time("REDIS_BREAKER_OPEN_MAX", *open_for_at_most, hour);
    }
    let mut number = |name, value: u64, least: u64, most: u64| {
        if value < least || value > most {
            problems.push(Problem::new(name, format!("is {value}"), format!("{least} to {most}")));
        }
    };
    number("REDIS_LANES", config.lanes.try_into().unwrap_or(u64::MAX), 1, 64);
    number("REDIS_POOL_SIZE", config.pool_size.into(), 1, 10_000);
    number("REDIS_MAX_CONNECTIONS", config.max_connections.into(), 1, 65_000);
    number("REDIS_POOL_UTILIZATION_THRESHOLD", config.pool_utilization_threshold.into(), 1, 100);
    if let Some(BreakerConfig { min_calls, half_open_calls, .. }) = &config.breaker {
        number("REDIS_BREAKER_MIN", (*min_calls).into(), 1, 1_000_000);
        number("REDIS_BREAKER_PROBES", (*half_open_calls).into(), 1, 1_000);
    }
    if let Some(breaker) = &config.breaker {
        rates(breaker, &mut problems);
    }
    if let Some(policy) = config.memory_policy.as_ref().filter(|policy| !POLICIES.contains(&policy.as_str()))
    {
        let right = format!("one of {}", POLICIES.join(", "));
        problems.push(Problem::new("REDIS_MEMORY_POLICY", format!("is {}", shown(policy)), right));
    }
    if config.max_memory == Some(0) {
        problems.push(Problem::new("REDIS_MAX_MEMORY", "is 0, which is no bound", "a size such as `256mb`"));
    }
    problems
}

fn rates(breaker: &BreakerConfig, problems: &mut Vec<Problem>) {
    let rates =
        [("REDIS_BREAKER_RATIO", breaker.failure_rate), ("REDIS_BREAKER_SLOW_RATIO", breaker.slow_rate)];
    for (name, rate) in rates {
        let is_share = rate > 0.0 && rate <= 1.0;
        if !is_share {
            problems.push(Problem::new(name, format!("is {rate}"), "more than 0, at most 1"));
        }
    }
    if breaker.open_for_at_most < breaker.open_for {
        let what = format!("is {:?}, less than where it begins", breaker.open_for_at_most);
        let right = format!("{:?} or more", breaker.open_for);
        problems.push(Problem::new("REDIS_BREAKER_OPEN_MAX", what, right));
    }
}

/// What is wrong with the servers and the way to them.
pub(super) fn servers(config: &Config) -> Vec<Problem> {
    let mut problems = guard::refusals(config);
    if config.mode != Mode::Memory {
        problems.extend(reached(config));
    }
    if let Some(second) = &config.coordination {
        let more = Problem::of_second(all(second), &problems);
        problems.extend(more);
    }
    problems
}

/// What is wrong with a way that leaves the process.
fn reached(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let has_node = !config.addresses.is_empty();
    if !has_node {
        problems.push(Problem::new("REDIS_NODES", "names no address", "addresses like host:port"));
    }
    if config.mode == Mode::Sentinel && config.sentinel_master.is_empty() {
        let right = "what the sentinels call the master, such as `mymaster`";
        problems.push(Problem::new("REDIS_SENTINEL_MASTER", "is not set, but the mode is `sentinel`", right));
    }
    if config.db != 0 && matches!(config.mode, Mode::Cluster | Mode::Rest) {
        let what = format!("is {}, but the mode is `{}`", config.db, config.mode.name());
        problems.push(Problem::new("REDIS_DB", what, "0, since there is no other"));
    }
    if config.mode == Mode::Rest && cfg!(not(feature = "rest")) {
        let what = "is `rest`, which this build does not speak";
        problems.push(Problem::new("REDIS_MODE", what, "the cargo feature `rest`"));
    }
    if config.mode == Mode::Rest && config.rest.is_none() {
        let what = "is not set, but the mode is `rest`";
        problems.push(Problem::new("REDIS_REST_TOKEN", what, "the token of the REST address"));
    }
    if config.username.is_some() && config.password.is_none() && config.provider.is_none() {
        let right = "REDIS_PASSWORD or REDIS_PASSWORD_FILE beside it";
        problems.push(Problem::new("REDIS_USERNAME", "is set without a password", right));
    }
    if let Some(path) = &config.password_file {
        readable("REDIS_PASSWORD_FILE", path, &mut problems);
    }
    if let Some(tls) = &config.tls {
        if config.addresses.iter().any(|address| matches!(address, Address::Unix(_))) {
            let right = "a socket without TLS, or an address of TLS";
            problems.push(Problem::new("REDIS_TLS", "is on, but the server is behind a socket", right));
        }
        if tls.server_name.as_ref().is_some_and(|name| Address::host_alone(name).is_none()) {
            // Not repeated: somebody may have put an address with its password here.
            let right = "the name that the certificate bears, such as redis.example.org";
            problems.push(Problem::new("REDIS_TLS_SERVER_NAME", "is no name of a host", right));
        }
        if let Some(path) = &tls.ca_file {
            readable("REDIS_TLS_CA_FILE", path, &mut problems);
        }
        if let Some((certificate, key)) = &tls.identity {
            readable("REDIS_TLS_CERT_FILE", certificate, &mut problems);
            readable("REDIS_TLS_KEY_FILE", key, &mut problems);
        }
    }
    problems.extend(connections(config));
    problems
}

/// Whether everything that one store may open fits into what the process may have.
fn connections(config: &Config) -> Option<Problem> {
    if config.mode == Mode::Rest {
        return None;
    }
    let nodes = if config.is_cluster() { config.addresses.len() } else { 1 };
    let lanes = config.lanes.saturating_mul(nodes);
    let pool = usize::try_from(config.pool_size).unwrap_or(usize::MAX);
    let needed = lanes.saturating_add(pool);
    let most = usize::try_from(config.max_connections).unwrap_or(usize::MAX);
    (needed > most).then(|| {
        let what = format!("is {most}, but {lanes} lanes and a pool of {pool} may need {needed}");
        Problem::new("REDIS_MAX_CONNECTIONS", what, format!("{needed} or more, or a smaller REDIS_POOL_SIZE"))
    })
}

fn readable(name: &'static str, path: &Path, problems: &mut Vec<Problem>) {
    if let Err(error) = File::open(path) {
        let named = if may_be_secret(name, path) { "a file".to_owned() } else { path.display().to_string() };
        let what = format!("names {named}, which can't be read: {error}");
        problems.push(Problem::new(name, what, "a file that this process may read"));
    }
}

/// Whether somebody may have put the secret itself, or an address, where its file belongs.
fn may_be_secret(name: &str, path: &Path) -> bool {
    let text = path.to_string_lossy();
    let folder = path.parent().filter(|folder| folder.is_absolute() && folder.parent().is_some());
    let is_path = name != "REDIS_PASSWORD_FILE" || folder.is_some_and(Path::is_dir);
    !is_path || text.contains('@') || text.contains("-----BEGIN")
}
