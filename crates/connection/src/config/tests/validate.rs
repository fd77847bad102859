//! The bounds of every number, and the guard of every environment.

use super::*;

#[test]
fn bounds_hold_on_both_sides() {
    let most = "REDIS_MAX_CONNECTIONS";
    for (name, right, wrong) in [
        ("REDIS_CONNECT_TIMEOUT", vec!["1", "1h"], vec!["0", "3600001"]),
        ("REDIS_READ_TIMEOUT", vec!["1", "1h"], vec!["0", "2h"]),
        ("REDIS_HANDSHAKE_TIMEOUT", vec!["1", "1h"], vec!["0", "2h"]),
        ("REDIS_LANES", vec!["1", "64"], vec!["0", "65"]),
        ("REDIS_POOL_SIZE", vec!["1", "98"], vec!["0"]),
        (most, vec!["22", "65000"], vec!["0", "65001", "21"]),
        ("REDIS_POOL_UTILIZATION_THRESHOLD", vec!["1", "100"], vec!["0", "101", "-1"]),
        ("REDIS_CONNECTION_IDLE_TIMEOUT", vec!["1", "1day"], vec!["0", "25h"]),
        ("REDIS_CONNECTION_MAX_AGE", vec!["1", "7days"], vec!["0", "8days"]),
        ("REDIS_TTL_RATE_LIMIT", vec!["1", "31days"], vec!["0", "32days"]),
        ("REDIS_BREAKER_WINDOW", vec!["1", "1h"], vec!["0", "2h"]),
        ("REDIS_BREAKER_RATIO", vec!["0.01", "1"], vec!["0", "1.01", "-1", "inf"]),
        ("REDIS_BREAKER_SLOW_RATIO", vec!["0.01", "1"], vec!["0", "2"]),
        ("REDIS_BREAKER_SLOW_CALL", vec!["1", "1h"], vec!["0", "2h"]),
        ("REDIS_BREAKER_MIN", vec!["1", "1000000"], vec!["0", "1000001"]),
        ("REDIS_BREAKER_OPEN", vec!["1ms", "30"], vec!["0"]),
        ("REDIS_BREAKER_OPEN_MAX", vec!["1", "1h"], vec!["500ms", "2h"]),
        ("REDIS_BREAKER_PROBES", vec!["1", "1000"], vec!["0", "1001"]),
        ("REDIS_MAX_MEMORY", vec!["1", "2gb"], vec!["0"]),
        ("REDIS_MEMORY_POLICY", vec!["noeviction", "Volatile-LRM"], vec!["lru"]),
    ] {
        for value in right {
            read(&[("REDIS_HOST", "h"), (name, value)]).expect(value);
        }
        for value in wrong {
            let wrong = named(read(&[("REDIS_HOST", "h"), (name, value)]));
            assert!(wrong.iter().any(|wrong| wrong == name), "{name}={value}: {wrong:?}");
        }
    }
}

#[test]
fn bounds_of_code_are_those_of_the_environment() {
    let config = Config::memory()
        .with_command_timeout(Duration::ZERO)
        .with_pool_size(0)
        .with_memory_policy("lru")
        .with_breaker(BreakerConfig::default().with_failure_rate(f64::NAN));
    assert_eq!(
        named(config.validate()),
        ["REDIS_READ_TIMEOUT", "REDIS_POOL_SIZE", "REDIS_BREAKER_RATIO", "REDIS_MEMORY_POLICY"]
    );
}

#[test]
fn what_can_not_go_together_is_refused() {
    for (variables, wrong) in [
        (vec![("REDIS_NODES", "a"), ("REDIS_DB", "1")], "REDIS_DB"),
        (vec![("REDIS_URL", "unix:/run/redis.sock"), ("REDIS_TLS", "true")], "REDIS_TLS"),
        (vec![("REDIS_HOST", "h"), ("REDIS_POOL_SIZE", "99")], "REDIS_MAX_CONNECTIONS"),
    ] {
        assert_eq!(named(read(&variables)), [wrong]);
    }
    let second =
        Config::memory().with_coordination(Config::from_url("redis://b").expect("it is right").with_lanes(0));
    assert_eq!(named(second.validate()), ["REDIS_COORDINATION_URL"]);
}

#[test]
fn files_that_can_not_be_read_are_named_and_secrets_in_their_place_are_not() {
    let pem = "-----BEGIN PRIVATE KEY-----\nhunter2";
    for (name, value, named) in [
        ("REDIS_TLS_CA_FILE", "/no/such/file", "/no/such/file"),
        ("REDIS_TLS_CA_FILE", "ca.pem", "ca.pem"),
        ("REDIS_TLS_CA_FILE", pem, "a file"),
        ("REDIS_PASSWORD_FILE", "/etc/no-such-file", "/etc/no-such-file"),
        ("REDIS_PASSWORD_FILE", "hunter2", "a file"),
        ("REDIS_PASSWORD_FILE", "/hunter2", "a file"),
        ("REDIS_PASSWORD_FILE", "hunter2/hunter2", "a file"),
    ] {
        let error = read(&[("REDIS_HOST", "h"), (name, value)]).expect_err("it is not there");
        let told = format!("{name} names {named}, which can't be read: ");
        assert!(error.to_string().starts_with(&told), "{error}");
    }
}
