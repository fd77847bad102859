use std::collections::HashMap;

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::from_variables(|name| variables.get(name).cloned())
}

fn described(variables: &[(&str, &str)]) -> String {
    read(variables).expect("the variables are right").describe()
}

#[test]
fn mode_follows_from_what_is_set() {
    assert_eq!(described(&[]), "memory");
    assert_eq!(described(&[("REDIS_URL", "")]), "memory");
    assert_eq!(described(&[("REDIS_URL", "redis://localhost")]), "redis://localhost:6379/0");
    assert_eq!(described(&[("KV_URL", "redis://localhost:1/3")]), "redis://localhost:1/3");
    assert_eq!(
        described(&[("REDIS_HOST", "db"), ("REDIS_PORT", "7000"), ("REDIS_DB", "2")]),
        "redis://db:7000/2"
    );
    assert_eq!(described(&[("REDIS_URL", "redis://localhost"), ("REDIS_MODE", "memory")]), "memory");
}

#[test]
fn variables_fill_in_what_the_url_lacks() {
    let config = read(&[
        ("REDIS_URL", "redis://localhost"),
        ("REDIS_USERNAME", "app"),
        ("REDIS_PASSWORD", "x"),
        ("REDIS_DB", "4"),
    ]);
    let config = config.expect("nothing contradicts");
    assert_eq!(config.describe(), "redis://app@localhost:6379/4");
    assert!(config.password.is_some());
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
    ])
    .expect_err("six problems");
    let named: Vec<_> = error.problems().iter().map(Problem::variable).collect();
    assert_eq!(
        named,
        ["REDIS_MODE", "REDIS_URL", "REDIS_PORT", "REDIS_DB", "REDIS_KEY_PREFIX", "REDIS_READ_TIMEOUT"]
    );
    assert!(!error.to_string().contains("pa55word"));
}

#[test]
fn two_different_values_are_an_error() {
    for (name, value) in
        [("REDIS_PASSWORD", "other"), ("REDIS_HOST", "db"), ("REDIS_DB", "3"), ("KV_URL", "redis://db")]
    {
        let error = read(&[("REDIS_URL", "redis://:secret@localhost/2"), (name, value)]).expect_err(name);
        assert_eq!(error.problems().len(), 1, "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    read(&[("REDIS_URL", "redis://:secret@localhost/2"), ("REDIS_PASSWORD", "secret"), ("REDIS_DB", "2")])
        .expect("they agree");
}

#[test]
fn zero_time_outs_are_refused() {
    let error = read(&[("REDIS_HOST", "db"), ("REDIS_READ_TIMEOUT", "0"), ("REDIS_CONNECT_TIMEOUT", "0")]);
    assert_eq!(error.expect_err("both are zero").problems().len(), 2);
}

#[test]
fn escaped_credentials_are_decoded() {
    let config = Config::from_url("redis://us%40er:p%2Fw@h").expect("it is right");
    assert_eq!(config.username.as_deref(), Some("us@er"));
    assert_eq!(config.password.as_ref().map(ExposeSecret::expose_secret), Some("p/w"));
}

#[test]
fn secrets_stay_out_of_debug() {
    let config = Config::from_url("redis://:hunter2@h").expect("it is right").with_digest_secret("hunter3");
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
#[cfg(feature = "rest")]
fn rest_is_taken_where_no_other_server_is_named() {
    let (url, token) = (("KV_REST_API_URL", "https://kv.example.org"), ("KV_REST_API_TOKEN", "hunter2"));
    assert_eq!(described(&[url, token]), "https://kv.example.org:443");
    assert_eq!(described(&[url, token, ("KV_URL", "redis://localhost")]), "redis://localhost:6379/0");
    let both = [url, token, ("KV_URL", "redis://localhost"), ("REDIS_MODE", "rest")];
    assert_eq!(described(&both), "https://kv.example.org:443");
    for (wrong, name) in [
        (vec![url], "REDIS_REST_TOKEN"),
        (vec![("REDIS_MODE", "rest")], "REDIS_REST_URL"),
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
