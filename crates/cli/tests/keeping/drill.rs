//! A drill passes on what is healthy, finds what is weak, and leaves nothing behind.

use std::{fs, process::Command, thread, time::Duration};

use redstart_testkit::{RedisServer, Reply};
use serde_json::Value;

use crate::support::{Said, at, command, finish, redstart};

fn drilled(arguments: &[&str]) -> Said {
    redstart(&[&["--json", "drill", "--hold", "1s"], arguments].concat())
}

/// Whether each criterion held, by the beginning of its name.
fn held(drill: &Value, name: &str) -> bool {
    let criteria = drill["ordeals"][0]["criteria"].as_array().unwrap();
    let found = criteria.iter().find(|criterion| criterion["name"].as_str().unwrap().starts_with(name));
    found.unwrap_or_else(|| panic!("no criterion {name}: {drill}"))["holds"].as_bool().unwrap()
}

fn work<'a>(drill: &'a Value, name: &str) -> &'a Value {
    let seen = drill["ordeals"][0]["seen"].as_array().unwrap();
    seen.iter().find(|seen| seen["work"] == name).unwrap()
}

#[test]
fn healthy_service_passes_a_cut() {
    let drill = drilled(&["--fault", "cut"]).ended(0).json();
    assert_eq!(drill["go"], true, "{drill}");
    // It was a drill: the clients did feel something.
    assert_ne!(work(&drill, "lock")["errors"], serde_json::json!({}), "{drill}");
    assert_ne!(work(&drill, "limit")["fallbacks"], 0, "{drill}");
    assert!(drill["ordeals"][0]["held"]["grants"].as_u64().unwrap() > 10, "{drill}");
}

#[test]
fn healthy_service_passes_a_failover() {
    let drill = drilled(&["--fault", "kill"]).ended(0).json();
    assert_eq!(drill["go"], true, "{drill}");
    assert_eq!(drill["ordeals"][0]["on"], "sentinel");
    assert!(work(&drill, "lock")["recoveredMs"].as_f64().unwrap() > 0.0, "{drill}");
}

#[test]
fn limiter_that_fails_closed_is_found() {
    let drill = drilled(&["--fault", "cut", "--limiter", "deny"]).ended(1).json();
    assert!(!held(&drill, "the limiter goes on") && held(&drill, "caches answer"), "{drill}");
    assert!(drill["reasons"].to_string().contains("fails closed"), "{drill}");
}

#[test]
fn cache_without_fallback_is_found() {
    let drill =
        drilled(&["--fault", "freeze", "--topology", "standalone", "--cache", "alone"]).ended(1).json();
    assert!(!held(&drill, "caches answer") && held(&drill, "the limiter goes on"), "{drill}");
}

#[test]
fn real_server_is_drilled_by_consent_and_keeps_nothing_of_it() {
    let server = RedisServer::start();
    let refused = at(&server, &["drill", "--here", "--fault", "slow"]).ended(2);
    assert!(refused.err.contains("--yes"), "{refused:?}");
    let drill = at(&server, &["--yes", "--json", "drill", "--here", "--fault", "slow", "--hold", "1s"]);
    assert_eq!(drill.ended(0).json()["go"], true);
    assert_eq!(server.raw().command(&["DBSIZE"]), Reply::Int(0));
    let killed = at(&server, &["drill", "--here", "--fault", "kill"]).ended(2);
    assert!(killed.err.contains("manual"), "{killed:?}");
}

#[test]
fn interrupted_drill_puts_a_real_server_in_order() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    let url = server.url();
    let arguments = ["--yes", "--url", &url, "drill", "--here", "--fault", "fill", "--hold", "1m"];
    let child = command(&arguments).spawn().unwrap();
    let mut bound = || raw.command(&["CONFIG", "GET", "maxmemory"]).array().pop().unwrap().text();
    while bound() != "1" {
        thread::sleep(Duration::from_millis(5));
    }
    interrupt(child.id());
    assert_eq!(finish(child).code, 130);
    assert_eq!(bound(), "0");
    assert_eq!(server.raw().command(&["DBSIZE"]), Reply::Int(0));
}

#[test]
fn fault_that_fits_nowhere_is_refused() {
    let refused = drilled(&["--fault", "cut", "--topology", "cluster"]).ended(2);
    assert!(refused.json()["error"]["remedy"].as_str().unwrap().contains("standalone"), "{refused:?}");
}

#[test]
fn interrupted_drill_leaves_no_server_behind() {
    let mut child = command(&["drill", "--fault", "freeze", "--hold", "1m"]).spawn().unwrap();
    let pid = child.id();
    // A master, two replicas, three sentinels.
    let servers = loop {
        let servers = servers_of(pid);
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        if servers.len() == 6 {
            break servers;
        }
        thread::sleep(Duration::from_millis(5));
    };
    interrupt(pid);
    assert_eq!(finish(child).code, 130);
    let left: Vec<_> = servers.iter().filter(|pid| is_server(**pid)).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn interrupt(pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().unwrap();
    assert!(status.success());
}

fn servers_of(parent: u32) -> Vec<u32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        after.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    pids.filter(|pid| is_child(pid) && is_server(*pid)).collect()
}

fn is_server(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.starts_with("redis-server")
        || name.starts_with("valkey-server")
        || name.starts_with("redis-sentinel")
}
