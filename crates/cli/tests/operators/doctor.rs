use redstart_testkit::{Cluster, RedisServer};
use serde_json::Value;

use crate::{
    support::{Answer, guarded, on, redstart},
    transcript,
};

fn check<'a>(json: &'a Value, rule: &str) -> &'a Value {
    let checks = json["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["rule"] == rule).unwrap_or_else(|| panic!("no rule {rule}"))
}

fn verdict(answer: &Answer, rule: &str) -> String {
    check(&answer.json(), rule)["verdict"].as_str().expect("a verdict").to_owned()
}

#[test]
fn fresh_server_gets_advice_and_a_good_mark() {
    let server = RedisServer::start();
    let answer = transcript::check("doctor-standalone", "doctor", || on(&server, "doctor"));
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn embedded_store_is_healthy_and_has_nothing_to_see() {
    let line = "doctor --quiet";
    let answer = transcript::check("doctor-embedded", line, || redstart(line, &[]));
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn every_rule_stands_in_the_one_document() {
    let server = RedisServer::start();
    let answer = on(&server, "--json doctor --census");
    let json = answer.json();
    for rule in redstart_monitor::rules() {
        check(&json, rule.name);
    }
    assert_eq!(verdict(&answer, "encryption-at-rest"), "unseen");
    // With a census its rules have something to judge.
    assert_eq!(verdict(&answer, "endless-keys"), "passed");
    assert_eq!(verdict(&on(&server, "--json doctor"), "endless-keys"), "unseen");
}

#[test]
fn evicting_server_is_a_warning_unless_nothing_but_caches_is_kept() {
    let server =
        RedisServer::configure().option("maxmemory", "100mb").option("maxmemory-policy", "allkeys-lru");
    let server = server.start();
    let answer = on(&server, "--json doctor");
    assert_eq!((answer.code, verdict(&answer, "evicts-coordination").as_str()), (1, "warning"), "{answer:?}");
    let answer = on(&server, "--json doctor --cache-only");
    assert_eq!(verdict(&answer, "evicts-coordination"), "passed", "{answer:?}");
}

#[test]
fn way_back_to_a_moment_is_there_when_the_file_bears_timestamps() {
    let server = RedisServer::configure().option("appendonly", "yes").option("aof-timestamp-enabled", "yes");
    let stamped = on(&server.start(), "--json doctor");
    assert_eq!(verdict(&stamped, "point-in-time"), "passed");
    let plain = on(&RedisServer::configure().option("appendonly", "yes").start(), "--json doctor");
    assert_eq!(verdict(&plain, "point-in-time"), "advice");
    let json = plain.json();
    let point = check(&json, "point-in-time");
    assert_eq!(point["evidence"], "the append-only file bears no timestamps");
    assert!(
        point["issue"]["remedy"].as_str().is_some_and(|remedy| remedy.contains("--truncate-to-timestamp"))
    );
}

#[test]
fn what_a_user_may_not_see_is_said_and_no_secret_is() {
    let server = guarded();
    let variables =
        [("REDIS_URL", server.url()), ("REDIS_TLS_CA_FILE", server.ca_file().display().to_string())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    transcript::check("doctor-tls-acl", "doctor", || redstart("doctor", &variables));
    let answer = redstart("--json doctor", &variables);
    assert_eq!(verdict(&answer, "weak-users"), "unseen", "{answer:?}");
    assert_eq!(verdict(&answer, "stranger"), "passed", "{answer:?}");
    assert_eq!(verdict(&answer, "wrong-password"), "passed", "{answer:?}");
    assert_eq!(verdict(&answer, "default-user"), "passed", "{answer:?}");
    assert_eq!(verdict(&answer, "dangerous-commands"), "passed", "{answer:?}");
    assert_eq!(verdict(&answer, "certificate"), "passed", "{answer:?}");
    assert!(!answer.text().contains("eiPh0oow") && !answer.text().contains("Vai8Ohze"), "{answer:?}");
}

#[test]
fn every_server_of_a_cluster_is_looked_at() {
    let cluster = Cluster::start();
    // One of the three is set otherwise than the others.
    let last = cluster.master_of_slot(16_383);
    cluster.raw(last).command(&["CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru"]);
    let line = format!("--json --nodes {} doctor", cluster.addresses()[0]);
    let answer = redstart(&line, &[]);
    assert_eq!((answer.code, verdict(&answer, "evicts-coordination").as_str()), (1, "warning"), "{answer:?}");
    assert_eq!(verdict(&answer, "cluster-state"), "passed");
}

#[test]
fn silence_is_what_the_report_says() {
    let mut server = RedisServer::start();
    let url = server.url();
    server.kill();
    let answer = redstart(&format!("--json --url {url} doctor"), &[]);
    assert_eq!((answer.code, verdict(&answer, "unreachable").as_str()), (3, "critical"), "{answer:?}");
    assert_eq!(check(&answer.json(), "memory")["needs"], "a server that answers");
}

#[test]
fn production_does_not_pass_with_an_open_configuration() {
    let server = RedisServer::start();
    let answer = on(&server, "--environment production doctor --quiet");
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stdout.contains("REDIS_PASSWORD is not set"), "{answer:?}");
}

#[test]
fn watching_looks_again_and_is_no_document() {
    let server = RedisServer::start();
    let answer = on(&server, "doctor --watch 10ms --looks 3 --quiet");
    assert_eq!(answer.stdout.matches("of 100, grade").count(), 3, "{answer:?}");
    assert_eq!(on(&server, "--json doctor --watch").code, 2);
}
