use super::{Server, ServerOptions};

fn check(options: ServerOptions, environment: &[(&str, &str)], expected: &str) {
    let variable = |name: &str| {
        let found = environment.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let described = match Server::new(options).config_over(variable) {
        Ok(config) => config.describe(),
        Err(error) => error.to_string(),
    };
    assert!(described.contains(expected), "{described} does not contain {expected}");
}

fn url(url: &str) -> ServerOptions {
    ServerOptions { url: Some(url.to_owned()), ..ServerOptions::default() }
}

#[test]
fn without_a_word_everything_is_embedded() {
    check(ServerOptions::default(), &[], "memory");
}

#[test]
fn command_line_goes_before_the_environment() {
    let environment = [("REDIS_URL", "redis://a"), ("REDIS_MODE", "memory")];
    check(ServerOptions::default(), &environment[..1], "redis://a:6379/0");
    check(url("redis://b:7000/2"), &environment, "redis://b:7000/2");
    check(url("redis://b"), &[("REDIS_MODE", "cluster"), ("REDIS_NODES", "c:1")], "redis://b:6379/0");
}

#[test]
fn login_of_the_environment_fills_in_what_the_address_lacks() {
    let login = [("REDIS_USERNAME", "app"), ("REDIS_PASSWORD", "s3cret")];
    check(url("redis://b"), &login, "redis://app@b:6379/0");
    check(url("redis://me:mine@b"), &login, "redis://me@b:6379/0");
}

#[test]
fn nodes_are_a_cluster_or_sentinels() {
    let nodes = |sentinel: Option<&str>| ServerOptions {
        nodes: Some("a:1,b:2".to_owned()),
        sentinel: sentinel.map(str::to_owned),
        ..ServerOptions::default()
    };
    check(nodes(None), &[("REDIS_URL", "redis://c")], "cluster a:1,b:2");
    check(nodes(Some("shop")), &[], "sentinel shop at a:1,b:2");
}

#[test]
fn wrong_words_are_told_all_at_once_and_without_the_password() {
    let options = ServerOptions {
        url: Some("http://:s3cret@b".to_owned()),
        environment: Some("moon".to_owned()),
        ..ServerOptions::default()
    };
    check(options.clone(), &[], "2 problems");
    let error = Server::new(options).config_over(|_| None).expect_err("two problems").to_string();
    assert!(!error.contains("s3cret"), "{error}");
}
