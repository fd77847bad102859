//! A backup holds what the server held, and gives it back.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use redstart_testkit::{Cluster, Raw, RedisServer, Reply, Sentinels, eventually};
use tempfile::TempDir;

use crate::support::{Said, at, command, fill, finish, redstart, text};

const PREFIX: &str = "prod:ecom";

/// A server whose DEBUG DIGEST tells whether two of them hold the same.
fn server() -> RedisServer {
    RedisServer::configure().option("enable-debug-command", "yes").start()
}

fn digest(raw: &mut Raw) -> String {
    raw.command(&["DEBUG", "DIGEST"]).text()
}

fn prefixed<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--prefix", PREFIX], arguments].concat()
}

/// A folder with room for a backup.
struct Place {
    folder: TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { file: folder.path().join("backup.rsb"), folder }
    }
}

fn taken(server: &RedisServer, file: &Path, more: &[&str]) -> Said {
    at(server, &[&prefixed(&["--json", "backup", text(file)]), more].concat()).ended(0)
}

/// The ends of all keys, by name.
fn ends(raw: &mut Raw) -> Vec<(Vec<u8>, i64)> {
    let all = "local out = {} for _, k in ipairs(redis.call('KEYS', '*')) do
        out[#out + 1] = k out[#out + 1] = redis.call('PEXPIRETIME', k) end return out";
    let flat = raw.command(&["EVAL", all, "0"]).array();
    let mut ends: Vec<_> = flat
        .chunks(2)
        .map(|pair| match pair {
            [Reply::Bytes(name), Reply::Int(end)] => (name.clone(), *end),
            other => panic!("{other:?}"),
        })
        .collect();
    ends.sort();
    ends
}

#[test]
fn everything_comes_back_as_it_was() {
    let (server, place) = (server(), Place::new());
    let mut raw = server.raw();
    fill(&mut raw, PREFIX, 2_000);
    raw.command(&["SET", "of:another", "service"]);
    let (before, ends_before) = (digest(&mut raw), ends(&mut raw));

    let backup = taken(&server, &place.file, &["--with-locks"]).json();
    // 2,000 users, five collections, a ticket, a binary name, a lock; nothing of another prefix.
    assert_eq!(backup["keys"], 2_008);
    let mode = fs::metadata(&place.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds what the server holds");

    raw.command(&["FLUSHALL"]);
    raw.command(&["SET", "of:another", "service"]);
    let restored = at(&server, &prefixed(&["--json", "restore", text(&place.file)])).ended(0).json();
    assert_eq!((&restored["written"], &restored["after"]["same"]), (&2_008.into(), &2_008.into()));
    assert_eq!(digest(&mut raw), before);
    let ends_after = ends(&mut raw);
    assert_eq!(ends_before.len(), ends_after.len());
    for ((name, before), (same, after)) in ends_before.iter().zip(&ends_after) {
        assert_eq!(name, same);
        assert!((before - after).abs() < 1_000, "{name:?} ended at {before} and now at {after}");
    }
}

#[test]
fn keys_in_the_way_stop_everything_until_somebody_decides() {
    let (server, place) = (server(), Place::new());
    let mut raw = server.raw();
    fill(&mut raw, PREFIX, 20);
    taken(&server, &place.file, &[]);
    let (user, other) = (format!("{PREFIX}:cache:user:{{1}}"), format!("{PREFIX}:cache:user:{{3}}"));
    raw.command(&["SET", &user, "newer"]);
    raw.command(&["DEL", &other]);
    let as_it_was = digest(&mut raw);

    let restore = |more: &[&str]| at(&server, &[&prefixed(&["restore", text(&place.file)]), more].concat());
    let refused = restore(&[]).ended(1);
    assert!(refused.err.contains("--overwrite") && refused.err.contains("cache:user:{1}"), "{refused:?}");
    assert_eq!(digest(&mut raw), as_it_was, "nothing was written");

    let dry = restore(&["--json", "--dry-run"]).ended(1).json();
    assert_eq!((&dry["before"]["absent"], &dry["before"]["different"]), (&1.into(), &1.into()));
    assert_eq!(digest(&mut raw), as_it_was, "nothing was written");

    restore(&["--keep"]).ended(0);
    assert_eq!(raw.command(&["GET", &user]).text(), "newer");
    assert_eq!(raw.command(&["EXISTS", &other]), Reply::Int(1));

    let kept = restore(&["--json", "--overwrite"]).ended(0).json();
    assert_eq!(kept["written"], 1, "what is there as it should be is left alone");
    assert_ne!(raw.command(&["GET", &user]).text(), "newer");
    restore(&[]).ended(0);
}

#[test]
fn backup_that_is_killed_goes_on() {
    let (server, place) = (server(), Place::new());
    let mut raw = server.raw();
    // Values that do not compress, so that there are many chunks.
    let fill = "for i = 1, 12000 do
        local t = {} for j = 1, 60 do t[j] = redis.sha1hex(i .. ' ' .. j) end
        redis.call('SET', 'cache:user:{' .. i .. '}', table.concat(t), 'PX', 3600000) end";
    raw.command(&["EVAL", fill, "0"]);
    let before = digest(&mut raw);
    let part = place.folder.path().join("backup.rsb.part");
    let url = server.url();
    let slowly = ["--url", &url, "backup", text(&place.file), "--rate", "6000"];
    let mut child = command(&slowly).spawn().unwrap();
    // Killed as the power would go, once something is written.
    while fs::metadata(&part).map_or(0, |file| file.len()) < 3_000_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was cut");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(!place.file.exists());

    let without = at(&server, &["backup", text(&place.file)]).ended(2);
    assert!(without.err.contains("--resume"), "{without:?}");
    let resumed = at(&server, &["--json", "backup", text(&place.file), "--resume"]).ended(0).json();
    let resumed_at = resumed["resumedAt"].as_u64().unwrap();
    assert!((1..12_000).contains(&resumed_at), "{resumed}");
    // What was met after the last chunk is met once more at most.
    assert!(resumed["keys"].as_u64().unwrap() < 12_000 + 2_000, "{resumed}");
    assert!(!part.exists());

    raw.command(&["FLUSHALL"]);
    at(&server, &["restore", text(&place.file)]).ended(0);
    assert_eq!(digest(&mut raw), before);
}

#[test]
fn interrupted_backup_says_how_to_go_on() {
    let (server, place) = (server(), Place::new());
    fill(&mut server.raw(), PREFIX, 2_000);
    let url = server.url();
    let slowly = ["--url", &url, "--prefix", PREFIX, "backup", text(&place.file), "--rate", "100"];
    let child = command(&slowly).spawn().unwrap();
    let part = place.folder.path().join("backup.rsb.part");
    while !part.exists() {
        std::thread::yield_now();
    }
    let interrupt = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    let said = finish(child).ended(130);
    assert!(said.err.contains("--resume") && part.exists() && !place.file.exists(), "{said:?}");
    at(&server, &prefixed(&["backup", text(&place.file), "--resume"])).ended(0);
}

#[test]
fn restore_that_is_killed_goes_on() {
    let (server, place) = (server(), Place::new());
    let mut raw = server.raw();
    fill(&mut raw, PREFIX, 30_000);
    raw.command(&["DEL", &format!("{PREFIX}:lock:payout:{{1}}")]);
    let before = digest(&mut raw);
    taken(&server, &place.file, &[]);
    raw.command(&["FLUSHALL"]);
    let url = server.url();
    let arguments = ["--url", &url, "--prefix", PREFIX, "restore", text(&place.file)];
    let mut child = command(&arguments).spawn().unwrap();
    let there = |raw: &mut Raw| match raw.command(&["DBSIZE"]) {
        Reply::Int(keys) => keys,
        other => panic!("{other:?}"),
    };
    while there(&mut raw) < 5_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was cut");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(there(&mut raw) < 30_007, "it was cut too late");
    let again = finish(command(&arguments).spawn().unwrap()).ended(0);
    assert!(again.out.contains("there already, the same"), "{again:?}");
    assert_eq!(digest(&mut raw), before);
}

#[test]
fn server_that_is_replaced_meanwhile_is_walked_again() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let place = Place::new();
    let mut sentinels = Sentinels::start();
    let mut raw = sentinels.raw(sentinels.master());
    raw.command(&["EVAL", "for i = 1, 6000 do redis.call('SET', 'cache:user:{' .. i .. '}', i) end", "0"]);
    raw.command(&["WAIT", "2", "5000"]);
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    let nodes = nodes.join(",");
    let name = sentinels.master_name().to_owned();
    let to = ["--nodes", &nodes, "--sentinel", &name];
    let slowly = [&to[..], &["--json", "backup", text(&place.file), "--rate", "2000"]].concat();
    let child = command(&slowly).spawn().unwrap();
    runtime.block_on(async {
        let part = place.folder.path().join("backup.rsb.part");
        eventually(Duration::from_secs(20), async || part.exists()).await;
    });
    sentinels.kill_master();
    let backup = finish(child).ended(0).json();
    assert!(backup["keys"].as_u64().unwrap() >= 6_000, "{backup}");
    let noted = backup["notes"].to_string();
    assert!(noted.contains("walked again"), "{noted}");

    let other = server();
    let restored = at(&other, &["--json", "restore", text(&place.file)]).ended(0).json();
    assert_eq!(restored["written"], 6_000);
}

#[test]
fn node_that_leaves_a_cluster_meanwhile_loses_no_key() {
    let (mut cluster, place) = (Cluster::start(), Place::new());
    for id in 0..900 {
        let name = format!("cache:user:{{{id}}}");
        cluster.raw(cluster.master_of(&name)).command(&["SET", &name, "value", "EX", "3600"]);
    }
    for node in cluster.masters() {
        cluster.raw(node).command(&["WAIT", "1", "5000"]);
    }
    let nodes = cluster.addresses().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let slowly = ["--nodes", &nodes, "--json", "backup", text(&place.file), "--rate", "300"];
    let child = command(&slowly).spawn().unwrap();
    let part = place.folder.path().join("backup.rsb.part");
    while !part.exists() {
        std::thread::yield_now();
    }
    // The owner of the last slots is walked first.
    let walked = cluster.master_of_slot(16_383);
    cluster.kill(walked);
    finish(child).ended(0);
    let other = server();
    at(&other, &["restore", text(&place.file)]).ended(0);
    assert_eq!(other.raw().command(&["DBSIZE"]), Reply::Int(900));
}

#[test]
fn keys_go_from_one_server_to_a_cluster_and_back() {
    let (server, place, other) = (server(), Place::new(), Place::new());
    let cluster = Cluster::start();
    let mut raw = server.raw();
    fill(&mut raw, PREFIX, 500);
    raw.command(&["DEL", &format!("{PREFIX}:lock:payout:{{1}}")]);
    let before = digest(&mut raw);
    taken(&server, &place.file, &[]);
    let nodes: Vec<_> = cluster.addresses().iter().map(ToString::to_string).collect();
    let nodes = nodes.join(",");
    let there = ["--json", "--prefix", PREFIX, "--nodes", &nodes];
    let restored = redstart(&[&there[..], &["restore", text(&place.file)]].concat()).ended(0).json();
    assert_eq!(restored["after"]["same"], 507);
    let counts = cluster.masters().into_iter().map(|node| cluster.raw(node).command(&["DBSIZE"]));
    assert!(counts.into_iter().all(|keys| keys != Reply::Int(0)), "every node has some");

    let back = redstart(&[&there[..], &["backup", text(&other.file)]].concat()).ended(0).json();
    assert_eq!(back["keys"], 507);
    raw.command(&["FLUSHALL"]);
    at(&server, &prefixed(&["restore", text(&other.file)])).ended(0);
    assert_eq!(digest(&mut raw), before);
}

#[test]
fn only_what_was_chosen_is_taken_and_it_goes_under_another_prefix() {
    let (server, place) = (server(), Place::new());
    let mut raw = server.raw();
    fill(&mut raw, PREFIX, 10);
    let backup = taken(&server, &place.file, &["-n", "session", "-n", "cache:page"]).json();
    assert_eq!(backup["keys"], 2);
    let dry =
        at(&server, &prefixed(&["--json", "backup", "/nowhere/x", "--dry-run", "--pattern", "cache:*"]));
    assert_eq!(dry.ended(0).json()["keys"], 12);

    at(&server, &["--prefix", "stage", "restore", text(&place.file)]).ended(0);
    let moved = raw.command(&["EXISTS", "stage:session:hash:{1}", "{stage:cache:page:7}:g"]);
    assert_eq!(moved, Reply::Int(2));
}

#[test]
fn tls_and_a_user_with_few_rights_do() {
    let rules = "~prod:ecom:* ~{prod:ecom:* +scan +dump +pexpiretime +restore +time +info +dbsize +ping +hello +client";
    let server = RedisServer::configure().tls().user("keeper", "secret", rules).start();
    let place = Place::new();
    fill(&mut server.raw(), PREFIX, 50);
    let run = |arguments: &[&str]| {
        let url = format!("rediss://{}/0", server.address());
        let mut command = command(&[&["--url", &url, "--prefix", PREFIX], arguments].concat());
        command.env("REDIS_USERNAME", "keeper").env("REDIS_PASSWORD", "secret");
        finish(command.env("REDIS_TLS_CA_FILE", server.ca_file()).spawn().unwrap())
    };
    run(&["backup", text(&place.file)]).ended(0);
    server.raw().command(&["FLUSHALL"]);
    let restored = run(&["--json", "restore", text(&place.file)]).ended(0).json();
    assert_eq!(restored["after"]["same"], 57);
    server.raw().command(&["ACL", "SETUSER", "keeper", "-dump"]);
    let refused = run(&["backup", text(&place.file), "--force"]).ended(1);
    assert!(refused.err.contains("NOPERM") && !refused.err.contains("secret"), "{refused:?}");
}

#[test]
fn ttls_run_on_unless_they_are_revived() {
    let (server, place) = (server(), Place::new());
    let mut raw = server.raw();
    raw.command(&["SET", "cache:short:{1}", "v", "PX", "400"]);
    raw.command(&["SET", "cache:long:{1}", "v", "PX", "60000"]);
    at(&server, &["backup", text(&place.file)]).ended(0);
    while raw.command(&["EXISTS", "cache:short:{1}"]) == Reply::Int(1) {}
    raw.command(&["FLUSHALL"]);
    let restored = at(&server, &["--json", "restore", text(&place.file)]).ended(0).json();
    assert_eq!((&restored["written"], &restored["before"]["ended"]), (&1.into(), &1.into()));
    raw.command(&["FLUSHALL"]);
    let revived = at(&server, &["--json", "restore", text(&place.file), "--revive"]);
    assert_eq!(revived.json()["written"], 2);
}

#[test]
fn file_is_checked_without_a_server() {
    let (server, place) = (server(), Place::new());
    fill(&mut server.raw(), PREFIX, 10);
    taken(&server, &place.file, &[]);
    drop(server);
    let check = |more: &[&str]| redstart(&[&["restore", text(&place.file), "--check"], more].concat());
    assert!(check(&[]).ended(0).out.contains("17"), "the number of keys");
    check(&["--max-age", "1h"]).ended(0);
    check(&["--max-age", "0s"]).ended(1);
    let mut bytes = fs::read(&place.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&place.file, bytes).unwrap();
    assert!(check(&[]).ended(1).err.contains("damaged"));
}

#[test]
fn embedded_store_has_nothing_to_keep() {
    let place = Place::new();
    let refused = redstart(&["backup", text(&place.file)]).ended(2);
    assert!(refused.err.contains("REDIS_URL"), "{refused:?}");
    assert!(!place.file.exists());
}
