//! Keys against their declarations, invalidated by consent.

use std::{fs, path::PathBuf};

use redstart_testkit::{Cluster, RedisServer, Reply};
use tempfile::TempDir;

use crate::support::{at, redstart, text};

const CATALOGUE: &str = "# Keys

| key | pattern | TTL | class | description |
| --- | --- | --- | --- | --- |
| `cache:user` | `cache:user:v2:{*}` | 1h | evictable, version 2 | Profile. |
| `flag:feature` | `flag:feature:{*}` | none | required | Switch. |
";

fn catalogue() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.md");
    fs::write(&file, CATALOGUE).unwrap();
    (folder, file)
}

fn write(server: &RedisServer, name: &str, ttl: &[&str]) {
    server.raw().command(&[&["SET", name, "value"], ttl].concat());
}

#[test]
fn what_nobody_declared_and_what_never_ends_is_found() {
    let (server, (_folder, file)) = (RedisServer::start(), catalogue());
    write(&server, "prod:cache:user:v2:{1}", &["EX", "3600"]);
    write(&server, "prod:cache:user:{1}", &["EX", "3600"]);
    write(&server, "prod:flag:feature:{dark}", &[]);
    let check = || at(&server, &["--json", "--prefix", "prod", "keys", "check", "--catalogue", text(&file)]);
    let well = check().ended(0).json();
    let user = &well["declared"][0];
    assert_eq!((&user["keys"], &user["otherVersions"]), (&2.into(), &1.into()));

    write(&server, "prod:cache:user:v2:{2}", &[]);
    write(&server, "prod:cache:usr:{1}", &["EX", "3600"]);
    let found = check().ended(1).json();
    assert_eq!(found["endless"], serde_json::json!(["cache:user:v2:{2}"]));
    assert_eq!(found["unknown"][0]["name"], "cache:usr");
    assert_eq!(found["biggest"].as_array().unwrap().len(), 5);
}

#[test]
fn keys_of_the_example_are_known_by_its_page() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/keys.md");
    let embedded = redstart(&["--json", "keys", "check", "--catalogue", text(&page)]).ended(0).json();
    assert!(embedded["declared"].as_array().unwrap().len() > 30, "{embedded}");
}

#[test]
fn invalidating_asks_first_and_stays_within_the_cache() {
    let server = RedisServer::start();
    for name in ["prod:cache:user:{1}", "prod:cache:user:{2}", "prod:cache:brand:{1}", "prod:lock:payout:{1}"]
    {
        write(&server, name, &["EX", "3600"]);
    }
    let invalidate =
        |more: &[&str]| at(&server, &[&["--prefix", "prod", "keys", "invalidate"], more].concat());
    let size = || server.raw().command(&["EXISTS", "prod:cache:user:{1}", "prod:cache:user:{2}"]);
    let asked = invalidate(&["cache:user:*"]).ended(2);
    assert!(asked.err.contains("2 keys match") && asked.err.contains("cache:user:{1}"), "{asked:?}");
    assert_eq!(size(), Reply::Int(2));
    invalidate(&["cache:user:*", "--dry-run"]).ended(0);
    assert_eq!(size(), Reply::Int(2));
    for beyond in ["lock:*", "*", "user:*"] {
        assert!(invalidate(&[beyond, "--yes"]).ended(2).err.contains("beyond"), "{beyond}");
    }
    let done = invalidate(&["cache:user:*", "--yes", "--json"]).ended(0).json();
    assert_eq!(done["removed"], 2);
    let others = server.raw().command(&["EXISTS", "prod:cache:brand:{1}", "prod:lock:payout:{1}"]);
    assert_eq!((size(), others), (Reply::Int(0), Reply::Int(2)));
}

#[test]
fn every_node_of_a_cluster_is_looked_at() {
    let cluster = Cluster::start();
    for id in 0..60 {
        let name = format!("cache:user:{{{id}}}");
        cluster.raw(cluster.master_of(&name)).command(&["SET", &name, "value", "EX", "3600"]);
    }
    let nodes = cluster.addresses().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let there = ["--json", "--yes", "--nodes", &nodes, "keys"];
    let counted = redstart(&there).ended(0).json();
    assert_eq!((&counted["keys"], &counted["servers"]), (&60.into(), &3.into()));
    let done = redstart(&[&there[..], &["invalidate", "cache:user:*"]].concat()).ended(0).json();
    assert_eq!(done["removed"], 60);
}
