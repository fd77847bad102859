//! The settings that stand by themselves.

use std::time::Duration;

use redstart_keys::Prefix;

use super::reader::Reader;
use crate::config::{BreakerConfig, Config, Preset, problem::shown};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const COUNT: &str = "a whole number, 1 or more";

/// Lays what the sources say, that of most weight first, over what `config` says already.
pub(super) fn apply(readers: &mut [Reader<'_>], config: &mut Config) {
    let (mut breaker, mut has_breaker) = (BreakerConfig::default(), true);
    for reader in readers.iter_mut().rev() {
        one(reader, config);
        set(reader.flag("REDIS_BREAKER"), &mut has_breaker);
        numbers_of(reader, &mut breaker);
    }
    config.breaker = has_breaker.then_some(breaker);
}

fn one(reader: &mut Reader<'_>, config: &mut Config) {
    if let Some(name) = reader.text("ENVIRONMENT") {
        match Preset::named(&name) {
            Some(preset) => config.preset = Some(preset),
            None => reader.problem("ENVIRONMENT", format!("is {}", shown(&name)), Preset::NAMES),
        }
    }
    set(reader.flag("REDIS_ALLOW_INSECURE"), &mut config.insecure_allowed);
    if let Some(prefix) = reader.text("REDIS_KEY_PREFIX") {
        match Prefix::new(&prefix) {
            Ok(prefix) => config.prefix = prefix,
            Err(error) => {
                reader.problem("REDIS_KEY_PREFIX", error.to_string(), "letters, digits and `_.:-`");
            }
        }
    }
    if let Some(secret) = reader.secret("REDIS_DIGEST_SECRET") {
        config.digest_secret = Some(secret);
    }
    set(reader.flag("REDIS_REPLICA_READS"), &mut config.replica_reads);
    set(reader.duration("REDIS_CONNECT_TIMEOUT", MILLISECOND), &mut config.connect_timeout);
    set(reader.duration("REDIS_READ_TIMEOUT", MILLISECOND), &mut config.command_timeout);
    set(reader.duration("REDIS_HANDSHAKE_TIMEOUT", MILLISECOND), &mut config.handshake_timeout);
    set(reader.number("REDIS_LANES", COUNT), &mut config.lanes);
    set(reader.number("REDIS_POOL_SIZE", "a number of connections such as 20"), &mut config.pool_size);
    if let Some(most) = reader.number("REDIS_MAX_CONNECTIONS", "a number of connections such as 100") {
        *config = config.clone().with_max_connections(most);
    }
    set(
        reader.number("REDIS_POOL_UTILIZATION_THRESHOLD", "a percentage such as 80"),
        &mut config.pool_utilization_threshold,
    );
    set(reader.duration("REDIS_CONNECTION_IDLE_TIMEOUT", SECOND), &mut config.idle_timeout);
    set(reader.duration("REDIS_CONNECTION_MAX_AGE", SECOND), &mut config.max_age);
    if let Some(fallback) = reader.word("REDIS_FALLBACK") {
        match fallback.as_str() {
            "memory" => config.standby = true,
            "none" => config.standby = false,
            _ => reader.problem("REDIS_FALLBACK", format!("is {}", shown(&fallback)), "`memory` or `none`"),
        }
    }
    set(reader.duration("REDIS_TTL_RATE_LIMIT", SECOND), &mut config.least_limit_ttl);
    if let Some(policy) = reader.word("REDIS_MEMORY_POLICY") {
        config.memory_policy = Some(policy);
    }
    if let Some(size) = reader.text("REDIS_MAX_MEMORY") {
        match bytes(&size) {
            Some(bytes) => config.max_memory = Some(bytes),
            None => {
                let right = "a size such as `256mb` or `2gb`";
                reader.problem("REDIS_MAX_MEMORY", format!("is {}", shown(&size)), right);
            }
        }
    }
}

fn numbers_of(reader: &mut Reader<'_>, breaker: &mut BreakerConfig) {
    let BreakerConfig {
        window,
        failure_rate,
        slow_rate,
        slow_call,
        min_calls,
        open_for,
        open_for_at_most,
        half_open_calls,
    } = breaker;
    set(reader.duration("REDIS_BREAKER_WINDOW", SECOND), window);
    set(reader.number("REDIS_BREAKER_RATIO", "a share such as 0.5"), failure_rate);
    set(reader.number("REDIS_BREAKER_SLOW_RATIO", "a share such as 0.8"), slow_rate);
    set(reader.duration("REDIS_BREAKER_SLOW_CALL", MILLISECOND).map(Some), slow_call);
    set(reader.number("REDIS_BREAKER_MIN", COUNT), min_calls);
    set(reader.duration("REDIS_BREAKER_OPEN", SECOND), open_for);
    set(reader.duration("REDIS_BREAKER_OPEN_MAX", SECOND), open_for_at_most);
    set(reader.number("REDIS_BREAKER_PROBES", COUNT), half_open_calls);
}

fn set<T>(value: Option<T>, target: &mut T) {
    if let Some(value) = value {
        *target = value;
    }
}

/// Bytes as the server's own configuration writes them: `1mb` is 1024 × 1024, `1m` a million.
pub(in crate::config) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_those_of_the_servers_configuration() {
        for (text, size) in [("1024", 1024), ("256mb", 256 << 20), ("2 GB", 2 << 30), ("5m", 5_000_000)] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for wrong in ["", "mb", "-1", "1.5gb", "1tb", "99999999999gb"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
