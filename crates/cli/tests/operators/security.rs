use redstart_cli::security::{AccessRules, Component, Proof};
use redstart_connection::{Config, Store};
use redstart_testkit::{Cluster, RedisServer};

use crate::{
    support::{guarded, on, redstart},
    transcript,
};

#[test]
fn open_server_is_shown_as_what_it_is() {
    let server = RedisServer::start();
    let answer = transcript::check("security-open", "security", || on(&server, "security"));
    // On this machine it is advice; elsewhere it would be critical.
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn password_keeps_strangers_out_and_the_proof_is_an_attempt() {
    let server = RedisServer::configure().password("aeth4Zai-long-and-random").start();
    let answer = on(&server, "--json security");
    let json = answer.json();
    let verdict = |rule: &str| {
        let checks = json["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["rule"] == rule).expect("the rule");
        check["verdict"].as_str().expect("a verdict").to_owned()
    };
    assert_eq!((verdict("stranger"), verdict("wrong-password")), ("passed".into(), "passed".into()));
    assert_eq!(verdict("dangerous-commands"), "advice");
    let log = server.raw().command(&["ACL", "LOG"]).array();
    assert!(!log.is_empty(), "the wrong password was tried");
}

#[test]
fn guessable_passwords_and_mighty_users_are_found() {
    let server = RedisServer::configure().password("foobared").start();
    let weak = on(&server, "security");
    assert_eq!(weak.code, 1, "{weak:?}");
    assert!(weak.stdout.contains("has one of the passwords that are tried first"), "{weak:?}");
    let server =
        RedisServer::configure().password("aeth4Zai-long").user("boss", "ieW0oov7-long", "~* &* +@all");
    let mighty = on(&server.start(), "security");
    assert!(mighty.stdout.contains("boss: every command on every key"), "{mighty:?}");
    assert!(!mighty.text().contains("ieW0oov7"), "{mighty:?}");
}

#[test]
fn commands_that_a_user_lacks_are_not_reachable() {
    let server = guarded();
    let variables =
        [("REDIS_URL", server.url()), ("REDIS_TLS_CA_FILE", server.ca_file().display().to_string())];
    let answer =
        redstart("--json security", &variables.each_ref().map(|(name, value)| (*name, value.as_str())));
    let json = answer.json();
    let commands = json["commands"].as_array().expect("commands");
    assert!(commands.len() >= 5 && commands.iter().all(|command| command["allowed"] == false), "{answer:?}");
    assert!(json["users"].is_null(), "{answer:?}");
}

#[test]
fn rules_of_every_component_are_proven_on_the_server() {
    let server = RedisServer::start();
    let answer = on(&server, "--json --prefix prod:shop security --acl --prove");
    assert_eq!(answer.code, 0, "{answer:?}");
    let json = answer.json();
    let granted = json.as_array().expect("one for each");
    assert_eq!(granted.len(), 6);
    for granted in granted {
        assert!(granted["proof"]["tried"].as_u64() > Some(20), "{granted}");
        assert_eq!(granted["proof"]["wrong"].as_array().map(Vec::len), Some(0), "{granted}");
    }
    let users = server.raw().command(&["ACL", "USERS"]).array();
    assert_eq!(users.len(), 1, "the user that they were tried with is gone");
}

#[tokio::test]
async fn interrupted_proof_leaves_no_user_behind() {
    let server = RedisServer::start();
    let store = Store::lazy(&Config::from_url(&server.url()).unwrap()).unwrap();
    let mut rules = AccessRules::of(&[Component::Cache], "prod:shop");
    let unknown = rules.unknown_to(&store).await.unwrap();
    rules.leave_out(&unknown);
    // It is asked once before there is a user, and then stops.
    let stopped = tokio::task::yield_now();
    assert!(Proof::of(&store, &rules, stopped).await.unwrap().is_none());
    let made = server.raw().command(&["INFO", "commandstats"]).text();
    assert!(made.contains("cmdstat_acl|setuser:calls=1"), "{made}");
    assert_eq!(server.raw().command(&["ACL", "USERS"]).array().len(), 1);
}

#[test]
fn one_user_may_be_for_several_components() {
    let line = "--prefix prod:shop security --acl --components cache,ratelimit --user shop";
    let answer = transcript::check("security-acl", line, || redstart(line, &[]));
    assert_eq!(answer.code, 0, "{answer:?}");
    let wrong = redstart("security --acl --components cash", &[]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("ratelimit, state, jobs or monitor"), "{wrong:?}");
}

#[test]
fn rules_hold_on_a_cluster_too() {
    let cluster = Cluster::start();
    let line = format!("--nodes {} security", cluster.addresses()[0]);
    let answer = redstart(&line, &[]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(answer.stdout.contains("let in"), "{answer:?}");
}
