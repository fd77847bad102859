//! What variables mean, each and together.

use super::*;

#[test]
fn mode_follows_from_what_is_set() {
    let (nodes, master) = (("REDIS_NODES", "a,b:7000"), ("REDIS_SENTINEL_MASTER", "shop"));
    for (variables, shown) in [
        (vec![], "memory"),
        (vec![("REDIS_URL", "")], "memory"),
        (vec![("REDIS_URL", "redis://localhost")], "redis://localhost:6379/0"),
        (vec![("REDIS_URL", " valkeys://localhost\n")], "rediss://localhost:6379/0"),
        (vec![("KV_URL", "redis://localhost:1/3")], "redis://localhost:1/3"),
        (vec![("REDIS_URL", "unix:/run/redis.sock?db=2")], "unix:/run/redis.sock"),
        (vec![("REDIS_HOST", "db"), ("REDIS_PORT", "7000"), ("REDIS_DB", "2")], "redis://db:7000/2"),
        (vec![("REDIS_HOST", "[::1]")], "redis://[::1]:6379/0"),
        (vec![("REDIS_URL", "redis://localhost"), ("REDIS_MODE", "memory")], "memory"),
        (vec![nodes], "cluster a:6379,b:7000"),
        (vec![nodes, ("REDIS_MODE", "sentinel"), master], "sentinel shop at a:26379,b:7000"),
        (vec![nodes, master], "sentinel shop at a:26379,b:7000"),
        (vec![("REDIS_NODES", "a, ,b,"), ("REDIS_MODE", " Cluster ")], "cluster a:6379,b:6379"),
        (vec![("REDIS_URL", "redis://app:x@seed"), ("REDIS_MODE", "cluster")], "cluster app@seed:6379"),
        (
            vec![("REDIS_URL", "redis://app:x@h"), nodes, ("REDIS_MODE", "cluster")],
            "cluster app@a:6379,b:7000",
        ),
    ] {
        assert_eq!(described(&variables), shown, "{variables:?}");
    }
}

#[test]
fn variables_fill_in_what_the_url_lacks() {
    let config = read(&[
        ("REDIS_URL", "redis://localhost"),
        ("REDIS_PORT", "7000"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD", "x"),
        ("REDIS_DB", "4"),
        ("REDIS_KEY_PREFIX", "prod:shop:"),
        ("REDIS_TLS", "true"),
    ]);
    let config = config.expect("nothing contradicts");
    assert_eq!(config.describe(), "rediss://app@localhost:7000/4");
    assert_eq!((password(&config), config.prefix.as_str()), (Some("x"), "prod:shop"));
}

#[test]
fn two_different_values_are_an_error_and_two_equal_ones_are_none() {
    let url = ("REDIS_URL", "rediss://app:secret@localhost:1/2");
    for (name, other, same) in [
        ("REDIS_USERNAME", "other", "app"),
        ("REDIS_PASSWORD", "other", "secret"),
        ("REDIS_HOST", "db", "LOCALHOST"),
        ("REDIS_PORT", "2", "1"),
        ("REDIS_DB", "3", "2"),
        ("REDIS_TLS", "false", "true"),
        ("KV_URL", "redis://db", "rediss://app:secret@localhost:1/2"),
    ] {
        let error = read(&[url, (name, other)]).expect_err(name);
        assert!(matches!(error.problems(), [problem] if problem.variable() == name), "{error}");
        assert!(
            error.to_string().contains("differs from") && !error.to_string().contains("secret"),
            "{error}"
        );
        read(&[url, (name, same)]).expect("they agree");
    }
    let socket = ("REDIS_URL", "unix:/run/redis.sock");
    assert_eq!(named(read(&[socket, ("REDIS_HOST", "db")])), ["REDIS_HOST"]);
    assert_eq!(named(read(&[socket, ("REDIS_PORT", "1")])), ["REDIS_PORT"]);
    assert_eq!(named(read(&[url, ("REDIS_PASSWORD_FILE", "/dev/null")])), ["REDIS_PASSWORD_FILE"]);
    let server = ("REDIS_HOST", "db");
    assert_eq!(named(read(&[server, ("REDIS_NODES", "a")])), ["REDIS_NODES"], "which of them is meant?");
    assert_eq!(named(read(&[server, ("REDIS_SENTINEL_MASTER", "a")])), ["REDIS_SENTINEL_MASTER"]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let error = read(&[
        ("REDIS_URL", "http://:pa55word@/"),
        ("REDIS_PORT", "many"),
        ("REDIS_DB", "-1"),
        ("REDIS_KEY_PREFIX", "a b"),
        ("REDIS_READ_TIMEOUT", "soon"),
        ("REDIS_MODE", "sharded"),
        ("REDIS_CONFIG_FILE", "/no/such/file"),
    ])
    .expect_err("seven problems");
    let named: Vec<_> = error.problems().iter().map(Problem::variable).collect();
    assert_eq!(
        named,
        [
            "REDIS_CONFIG_FILE",
            "REDIS_MODE",
            "REDIS_URL",
            "REDIS_PORT",
            "REDIS_DB",
            "REDIS_KEY_PREFIX",
            "REDIS_READ_TIMEOUT"
        ]
    );
    assert!(error.to_string().starts_with("the configuration has 7 problems:\n  "), "{error}");
    assert!(!error.to_string().contains("pa55word"));
}

#[test]
fn each_value_that_makes_no_sense_is_refused_by_name() {
    for (name, value) in [
        ("REDIS_URL", "localhost"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://h:0"),
        ("REDIS_URL", "redis://h/one"),
        ("REDIS_URL", "redis://h/0?protocol=resp3"),
        ("REDIS_URL", "rediss://h/0#insecure"),
        ("REDIS_URL", "unix:/run/redis.sock?pass=x"),
        ("REDIS_URL", "unix:/"),
        ("REDIS_URL", "unix://run/redis.sock"),
        ("REDIS_HOST", "redis://h"),
        ("REDIS_HOST", "h:6379"),
        ("REDIS_PORT", "tcp://10.0.0.1:6379"),
        ("REDIS_PORT", "0"),
        ("REDIS_PORT", "65536"),
        ("REDIS_NODES", ","),
        ("REDIS_NODES", "a,b:port"),
        ("REDIS_COORDINATION_URL", "h"),
        ("REDIS_TLS", "perhaps"),
        ("REDIS_LANES", "2.5"),
        ("REDIS_READ_TIMEOUT", "4294967296"),
        ("REDIS_READ_TIMEOUT", "-1"),
        ("REDIS_BREAKER_RATIO", "NaN"),
        ("REDIS_FALLBACK", "disk"),
        ("REDIS_MAX_MEMORY", "much"),
        ("REDIS_MEMORY_POLICY", "never"),
        ("ENVIRONMENT", "moon"),
    ] {
        assert_eq!(named(read(&[(name, value)])), [name], "{value}");
    }
}

#[test]
fn what_belongs_together_is_asked_for_together() {
    for (variables, missing) in [
        (vec![("REDIS_MODE", "standalone")], vec!["REDIS_MODE"]),
        (vec![("REDIS_MODE", "cluster")], vec!["REDIS_NODES"]),
        (vec![("REDIS_MODE", "sentinel")], vec!["REDIS_NODES", "REDIS_SENTINEL_MASTER"]),
        (vec![("REDIS_MODE", "rest")], vec!["REDIS_REST_URL", "REDIS_REST_TOKEN"]),
        (vec![("REDIS_HOST", "h"), ("REDIS_USERNAME", "app")], vec!["REDIS_USERNAME"]),
        (vec![("REDIS_HOST", "h"), ("REDIS_TLS_KEY_FILE", "/dev/null")], vec!["REDIS_TLS_KEY_FILE"]),
        (vec![("REDIS_HOST", "h"), ("REDIS_TLS_CERT_FILE", "/dev/null")], vec!["REDIS_TLS_CERT_FILE"]),
        (
            vec![("REDIS_NODES", "h"), ("REDIS_SENTINEL_MASTER", "m"), ("REDIS_SENTINEL_USERNAME", "u")],
            vec!["REDIS_SENTINEL_USERNAME"],
        ),
    ] {
        assert_eq!(named(read(&variables)), missing, "{variables:?}");
    }
}

#[test]
fn durations_have_a_unit_or_the_one_of_their_variable() {
    let read = |name, value| read(&[("REDIS_HOST", "h"), (name, value)]).expect(value);
    for (value, meant) in [("250", 250), ("250ms", 250), (" 2s ", 2_000), ("1m 1s", 61_000)] {
        assert_eq!(read("REDIS_READ_TIMEOUT", value).command_timeout, Duration::from_millis(meant));
    }
    for (value, meant) in [("7", 7_000), ("7ms", 7), ("1h", 3_600_000)] {
        assert_eq!(read("REDIS_CONNECTION_MAX_AGE", value).max_age, Duration::from_millis(meant));
    }
}

#[test]
fn words_for_yes_and_no_are_understood() {
    for (word, meant) in
        [("true", true), ("1", true), ("YES", true), ("on", true), ("false", false), ("off", false)]
    {
        let config = read(&[("REDIS_NODES", "h"), ("REDIS_REPLICA_READS", word)]).expect(word);
        assert_eq!(config.replica_reads, meant, "{word}");
    }
}

#[test]
fn value_that_is_no_text_is_not_passed_over() {
    let garbled = Environment::new(|name: &str| (name == "REDIS_PASSWORD").then_some(Raw::Garbled));
    let error = source::read(&[&garbled]).expect_err("a password of other bytes");
    assert_eq!(error.to_string(), "REDIS_PASSWORD is not UTF-8; right would be a text in UTF-8");
}

#[test]
fn escaped_credentials_are_decoded() {
    let config = Config::from_url("redis://us%40er:p%2Fw@h").expect("it is right");
    assert_eq!((config.username.as_deref(), password(&config)), (Some("us@er"), Some("p/w")));
}

#[test]
#[cfg(feature = "rest")]
fn rest_is_taken_where_no_other_server_is_named() {
    let (url, token) = (("KV_REST_API_URL", "https://kv.example.org"), ("KV_REST_API_TOKEN", "hunter2"));
    let (other, others) = (("UPSTASH_REDIS_REST_URL", url.1), ("UPSTASH_REDIS_REST_TOKEN", token.1));
    assert_eq!(described(&[url, token]), "https://kv.example.org:443");
    assert_eq!(described(&[url, token, other, others]), "https://kv.example.org:443");
    assert_eq!(described(&[url, token, ("KV_URL", "redis://localhost")]), "redis://localhost:6379/0");
    // What is not used is not looked at.
    assert_eq!(described(&[url, ("REDIS_HOST", "localhost")]), "redis://localhost:6379/0");
    let both = [url, token, ("KV_URL", "redis://localhost/3"), ("REDIS_MODE", "rest")];
    assert_eq!(described(&both), "https://kv.example.org:443");
    for (wrong, name) in [
        (vec![url], "REDIS_REST_TOKEN"),
        (vec![url, ("KV_REST_API_TOKEN", "hunter 2")], "KV_REST_API_TOKEN"),
        (vec![url, token, ("REDIS_REST_TOKEN", "hunter3")], "KV_REST_API_TOKEN"),
        (vec![token, ("KV_REST_API_URL", "http://kv.example.org")], "KV_REST_API_URL"),
    ] {
        let error = read(&wrong).expect_err(name);
        assert_eq!(error.problems().iter().map(Problem::variable).collect::<Vec<_>>(), [name]);
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}

#[test]
fn rest_in_a_build_without_it_names_the_feature() {
    let config = Config::rest("https://kv.example.org", "hunter2").expect("it is right");
    let told = config.validate().err().map(|error| error.to_string());
    assert_eq!(told.is_none(), cfg!(feature = "rest"));
    assert!(told.is_none_or(|told| told.contains("feature `rest`") && !told.contains("hunter2")));
}
