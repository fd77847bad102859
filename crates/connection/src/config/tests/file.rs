//! What a file says, and where what is wrong stands.

use super::*;

#[track_caller]
fn check(toml: &str, wrong: &[&str]) {
    let error = Config::from_toml(toml).expect_err(toml).to_string();
    let lines: Vec<_> =
        error.lines().map(str::trim).filter(|line| !line.starts_with("the configuration")).collect();
    assert_eq!(lines.len(), wrong.len(), "{error}");
    for (line, wrong) in lines.iter().zip(wrong) {
        assert!(line.starts_with(wrong), "{line}\nis not\n{wrong}");
    }
}

#[test]
fn what_is_unknown_or_of_the_wrong_kind_is_shown_where_it_stands() {
    check(
        "[redis]\nurl = \"redis://h\"\nsize = 3",
        &["3:1: redis.size is unknown; right would be one of allow_insecure, "],
    );
    check(
        "[redis]\ntls.ca = \"x\"",
        &["2:5: redis.tls.ca is unknown; right would be one of ca_file, cert_file, "],
    );
    check("[redis.pool]\nsize = \"3\"", &["2:8: redis.pool.size is no number"]);
    check("[redis]\r\nprefix = \"é\"\r\ndb = -1", &["3:6: redis.db is \"-1\"", "2:10: redis.prefix "]);
    check("[redis]\nurl = 3\nnodes = [1]", &["2:7: redis.url is no text", "3:9: redis.nodes is no list"]);
    check("[redis]\ntls.enabled = \"true\"", &["2:15: redis.tls.enabled is neither true nor false"]);
    check("[redis]\ntimeouts.connect = 0.5", &["2:20: redis.timeouts.connect is 0.5 of no unit"]);
    check("[redis]\npool.size = 0x10", &["2:13: redis.pool.size is no number"]);
    check("[redis]\nport = 70000", &["2:8: redis.port is \"70000\""]);
    check("[redis]\nsentinel = \"m\"", &["2:1: redis.sentinel is no table; right would be [redis.sentinel]"]);
    check("[redis.mode.x]\ny = 1", &["1:8: redis.mode is no text"]);
    check("redis = 3", &["1:9: redis is no table"]);
    check("[[redis]]\ndb = 1", &["1:1: redis is no table"]);
    check("[server]\nport = 1", &["[redis] is not in the file"]);
    check("[redis]\nurl = ", &["2:7: the file is no TOML"]);
}

#[test]
fn everything_is_reported_at_once_with_its_line() {
    let file = "[redis]\nurl = \"http://h\"\nfoo = 1\n[redis.breaker]\nfailure_rate = 2.0\nwindow = \"0s\"\n\
                [redis.timeouts]\ncommand = 5";
    check(
        file,
        &[
            "3:1: redis.foo is unknown",
            "2:7: redis.url is an address of HTTP",
            "8:11: redis.timeouts.command is 5 of no unit",
            "6:10: redis.breaker.window is zero",
            "5:16: redis.breaker.failure_rate is 2",
        ],
    );
}

#[test]
fn tables_of_the_service_are_its_own_and_nothing_is_nothing() {
    let config =
        Config::from_toml("port = 3000\n[redis]\nurl = \"\"\n[other]\nredis = 1").expect("it is right");
    assert!(config.is_memory());
    let config = Config::from_toml("redis = { nodes = [\"a\", \"b:1\"], pool = { size = 1_0 } }")
        .expect("it is right");
    assert_eq!((config.describe().as_str(), config.pool_size), ("cluster a:6379,b:1", 10));
}

#[test]
fn missing_file_is_named() {
    let error = Config::from_file("/no/such/redis.toml").expect_err("it is not there").to_string();
    assert!(error.starts_with("the path names /no/such/redis.toml, which can't be read: "), "{error}");
    let error = read(&[("REDIS_CONFIG_FILE", "/no/such/redis.toml"), ("ENVIRONMENT", "production")]);
    assert_eq!(named(error), ["REDIS_CONFIG_FILE"], "what it says of the server is not known");
}
