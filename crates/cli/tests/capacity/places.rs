//! The same load wherever the state may live.

use redstart_testkit::{Cluster, RedisServer, Sentinels};

use crate::support::{json, redstart, shown};

const LOAD: [&str; 7] = ["load", "--rate", "150", "--for", "600ms", "--keys", "40"];

/// All that was planned was started and answered, and what was filled was found.
fn holds(arguments: &[&str], environment: &[(&str, &str)]) {
    let arguments = [&LOAD, arguments].concat();
    let (code, document) = json(redstart(&arguments).envs(environment.iter().copied()));
    assert_eq!((code, &document["failures"]), (0, &serde_json::json!({})), "{document:#}");
    assert_eq!(document["starts"]["unanswered"], 0);
    assert_eq!(document["response"]["count"], document["starts"]["made"]);
    assert!(document["hitRate"].as_f64().unwrap() > 0.5, "{document:#}");
}

#[test]
fn embedded() {
    holds(&[], &[]);
    let output = redstart(&LOAD).output().unwrap();
    assert!(shown(&output).contains("this is the embedded store in this process"));
}

#[test]
fn standalone_over_tls_with_a_user_of_few_rights() {
    let rules = "~app:* +@all -@dangerous +info &*";
    let server = RedisServer::configure().password("admin").user("app", "secret", rules).tls().start();
    let url = server.url();
    let output = redstart(&["--url", &url, "--prefix", "app"])
        .args(LOAD)
        .env("REDIS_TLS_CA_FILE", server.ca_file())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert!(!shown(&output).contains("secret"), "{}", shown(&output));
    let ca = server.ca_file();
    holds(&["--url", &url, "--prefix", "app"], &[("REDIS_TLS_CA_FILE", ca.to_str().unwrap())]);
}

#[test]
fn sentinel() {
    let sentinels = Sentinels::start();
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    holds(&["--nodes", &nodes.join(","), "--sentinel", sentinels.master_name()], &[]);
}

#[test]
fn cluster() {
    let cluster = Cluster::start();
    let nodes: Vec<_> = cluster.addresses().iter().map(ToString::to_string).collect();
    holds(&["--nodes", &nodes.join(",")], &[]);
}

#[test]
fn nobody_there() {
    let output =
        redstart(&["--url", "redis://127.0.0.1:1", "--timeout", "300ms"]).args(LOAD).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
}
