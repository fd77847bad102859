//! `redstart bench` on real servers.

use redstart_testkit::{Cluster, RedisServer, Sentinels};

use crate::support::{json, keys_of_loads, redstart, shown};

#[test]
fn a_disposable_server_is_measured_graded_and_gone() {
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("bench.html");
    let arguments = ["bench", "--for", "50ms", "--html", html.to_str().unwrap()];
    let (code, document) = json(&mut redstart(&arguments));
    assert!(matches!(code, 0 | 1), "{document:#}");
    let grades: Vec<_> = document["grades"]
        .as_array()
        .unwrap()
        .iter()
        .map(|graded| graded["part"].as_str().unwrap())
        .collect();
    assert_eq!(grades, ["tiers", "concurrency", "memory", "real-world mix"]);
    assert!(!document["reason"].as_str().unwrap().is_empty());
    assert!(document["memory"]["evicted"].as_u64().unwrap() > 0, "it was filled: {document:#}");
    let rows = document["tiers"]["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["failed"] == 0 && row["togetherPerSecond"].as_f64().unwrap() > 0.0));
    let micros =
        |name: &str| rows.iter().find(|row| row["name"] == name).unwrap()["meanMicros"].as_f64().unwrap();
    assert!(micros("memory hit") < micros("store hit"), "{document:#}");
    assert!(std::fs::read_to_string(&html).unwrap().contains("What this server bears"));
}

#[test]
fn a_server_that_refuses_writes_at_its_bound_is_an_f_with_the_reason() {
    let server =
        RedisServer::configure().option("maxmemory", "6mb").option("maxmemory-policy", "noeviction").start();
    let url = server.url();
    let fill = ["--url", &*url, "bench", "--only", "memory", "--for", "100ms", "--fill"];

    // Nobody is here to consent, and nobody has.
    let output = redstart(&fill).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("--yes"), "{}", shown(&output));
    assert_eq!(keys_of_loads(&server), 0);

    let (code, document) = json(redstart(&fill).arg("--yes"));
    assert_eq!((code, &document["grade"]), (1, &"F".into()), "{document:#}");
    assert!(document["reason"].as_str().unwrap().contains("policy noeviction"), "{document:#}");
    assert_eq!(keys_of_loads(&server), 0, "what filled it is removed");
}

#[test]
fn a_configured_server_is_never_filled_without_being_asked_for() {
    let server = RedisServer::start();
    let (code, document) =
        json(&mut redstart(&["--url", &server.url(), "bench", "--only", "memory", "--for", "100ms"]));
    assert!(matches!(code, 0 | 1), "{document:#}");
    assert!(document["memory"]["target"].as_str().unwrap().starts_with("a disposable"), "{document:#}");
    let written = server.raw().command(&["INFO", "commandstats"]).text();
    assert!(!written.contains("cmdstat_set:"), "{written}");
}

#[test]
fn every_place_can_be_measured() {
    let measured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let short = ["bench", "--only", "tiers", "--for", "20ms"];
        let (_, document) = json(redstart(&short).args(arguments).envs(variables.iter().copied()));
        let rows = document["tiers"]["rows"].as_array().unwrap_or_else(|| panic!("{document:#}"));
        assert!(rows.iter().all(|row| row["failed"] == 0), "{document:#}");
    };
    let server =
        RedisServer::configure().password("admin").user("app", "secret", "~app:* +@all &*").tls().start();
    let (url, ca) = (server.url(), server.ca_file());
    measured(&["--url", &url, "--prefix", "app"], &[("REDIS_TLS_CA_FILE", ca.to_str().unwrap())]);

    let sentinels = Sentinels::start();
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    measured(&["--nodes", &nodes.join(","), "--sentinel", sentinels.master_name()], &[]);

    let cluster = Cluster::start();
    let nodes: Vec<_> = cluster.addresses().iter().map(ToString::to_string).collect();
    measured(&["--nodes", &nodes.join(",")], &[]);
}
