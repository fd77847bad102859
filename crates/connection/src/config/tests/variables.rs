//! No variable is forgotten.

use super::*;

/// A name and its value.
type Set = (&'static str, &'static str);

/// A value for each variable that is not its default, and what it needs beside it.
const OTHER: &[(&str, &str, &[Set])] = &[
    ("ENVIRONMENT", "development", &[]),
    ("REDIS_ALLOW_INSECURE", "true", &[]),
    ("REDIS_MODE", "cluster", &[("REDIS_HOST", "h")]),
    ("REDIS_URL", "redis://u", &[]),
    ("REDIS_HOST", "h", &[]),
    ("REDIS_PORT", "1", &[("REDIS_HOST", "h")]),
    ("REDIS_DB", "1", &[("REDIS_HOST", "h")]),
    ("REDIS_USERNAME", "app", &[("REDIS_URL", "redis://:x@h")]),
    ("REDIS_PASSWORD", "x", &[("REDIS_HOST", "h")]),
    ("REDIS_PASSWORD_FILE", "/dev/null", &[("REDIS_HOST", "h")]),
    ("REDIS_KEY_PREFIX", "p", &[]),
    ("REDIS_DIGEST_SECRET", "s", &[]),
    ("REDIS_NODES", "a", &[]),
    ("REDIS_REPLICA_READS", "true", &[("REDIS_NODES", "a")]),
    ("REDIS_SENTINEL_MASTER", "m", &[("REDIS_NODES", "a")]),
    (
        "REDIS_SENTINEL_USERNAME",
        "w",
        &[("REDIS_NODES", "a"), ("REDIS_SENTINEL_MASTER", "m"), ("REDIS_SENTINEL_PASSWORD", "x")],
    ),
    ("REDIS_SENTINEL_PASSWORD", "x", &[("REDIS_NODES", "a"), ("REDIS_SENTINEL_MASTER", "m")]),
    ("REDIS_COORDINATION_URL", "redis://b", &[("REDIS_HOST", "h")]),
    ("REDIS_TLS", "true", &[("REDIS_HOST", "h")]),
    ("REDIS_TLS_CA_FILE", "/dev/null", &[("REDIS_HOST", "h")]),
    ("REDIS_TLS_SERVER_NAME", "n", &[("REDIS_HOST", "h")]),
    ("REDIS_CONNECT_TIMEOUT", "7", &[]),
    ("REDIS_READ_TIMEOUT", "7", &[]),
    ("REDIS_HANDSHAKE_TIMEOUT", "7", &[]),
    ("REDIS_LANES", "7", &[]),
    ("REDIS_POOL_SIZE", "7", &[]),
    ("REDIS_MAX_CONNECTIONS", "70", &[]),
    ("REDIS_POOL_UTILIZATION_THRESHOLD", "7", &[]),
    ("REDIS_CONNECTION_IDLE_TIMEOUT", "7", &[]),
    ("REDIS_CONNECTION_MAX_AGE", "7", &[]),
    ("REDIS_BREAKER", "false", &[]),
    ("REDIS_BREAKER_WINDOW", "7", &[]),
    ("REDIS_BREAKER_RATIO", "0.7", &[]),
    ("REDIS_BREAKER_SLOW_RATIO", "0.7", &[]),
    ("REDIS_BREAKER_SLOW_CALL", "7", &[]),
    ("REDIS_BREAKER_MIN", "7", &[]),
    ("REDIS_BREAKER_OPEN", "7", &[]),
    ("REDIS_BREAKER_OPEN_MAX", "7", &[]),
    ("REDIS_BREAKER_PROBES", "7", &[]),
    ("REDIS_FALLBACK", "none", &[]),
    ("REDIS_TTL_RATE_LIMIT", "7", &[]),
    ("REDIS_MEMORY_POLICY", "volatile-ttl", &[]),
    ("REDIS_MAX_MEMORY", "7mb", &[]),
];

/// Read together, or tested where their feature is.
const APART: [&str; 5] =
    ["REDIS_CONFIG_FILE", "REDIS_REST_URL", "REDIS_REST_TOKEN", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"];

#[test]
fn each_variable_changes_something_of_its_own() {
    let mut seen = HashMap::new();
    for (name, value, beside) in OTHER {
        let before = format!("{:?}", read(beside).expect(name));
        let after = format!("{:?}", read(&[beside, &[(*name, *value)][..]].concat()).expect(name));
        assert_ne!(before, after, "{name}");
        if beside.is_empty() {
            assert_eq!(seen.insert(after, name), None, "{name} does what another does");
        }
    }
    let named = |setting: &&Variable| OTHER.iter().all(|(name, ..)| *name != setting.name);
    let missing: Vec<_> = VARIABLES.iter().filter(named).map(|setting| setting.name).collect();
    assert!(missing.iter().all(|name| APART.contains(name)) && missing.len() == APART.len(), "{missing:?}");
}
