//! The servers that the tests stand on.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use redstart_testkit::{RedisServer, Reply, TimeMachine, eventually, fresh_prefix, locate, shared};

#[test]
fn shared_server_answers_and_is_one() {
    assert_eq!(shared().raw().command(&["PING"]), Reply::Text("PONG".into()));
    assert_eq!(shared().pid(), shared().pid());
}

#[test]
fn found_server_says_what_it_is() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let found = locate::servers(&locate::tools(workspace)).unwrap();
    assert!(found[0].version.starts_with("Redis ") || found[0].version.starts_with("Valkey "), "{found:?}");
}

#[test]
fn restarted_server_is_empty_on_the_same_port() {
    let mut server = RedisServer::start();
    let (url, pid) = (server.url(), server.pid());
    server.raw().command(&["SET", "key", "value"]);

    server.restart();

    assert_eq!((server.url(), server.raw().command(&["GET", "key"])), (url, Reply::Nil));
    assert_ne!(server.pid(), pid);
}

#[test]
fn url_of_a_user_carries_their_rights() {
    let server = RedisServer::configure().password("admin").user("app", "secret", "~app:* +@all").start();
    assert!(server.url().starts_with("redis://app:secret@127.0.0.1:"), "{}", server.url());

    let mut raw = server.raw();
    raw.command(&["AUTH", "app", "secret"]);
    raw.command(&["SET", "app:key", "value"]);
    let refused = raw.try_command(&["SET", "other", "value"]).unwrap();
    assert!(matches!(&refused, Reply::Error(text) if text.starts_with("NOPERM")), "{refused:?}");
}

#[test]
fn settings_change_on_the_running_server() {
    let mut server = RedisServer::configure().option("maxmemory", "10mb").start();
    server.config_set("maxmemory-policy", "allkeys-lfu");
    let setting = |name| server.raw().command(&["CONFIG", "GET", name]).array().pop().map(Reply::text);
    assert_eq!(setting("maxmemory").as_deref(), Some("10485760"));
    assert_eq!(setting("maxmemory-policy").as_deref(), Some("allkeys-lfu"));
}

#[test]
fn socket_leads_to_the_same_server_as_the_port() {
    let server = RedisServer::configure().unix_socket().start();
    server.raw().command(&["SET", "key", "value"]);
    let mut client = UnixStream::connect(server.unix_socket()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(b"GET key\r\n").unwrap();
    let mut answer = [0; 11];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"$5\r\nvalue\r\n");
}

#[test]
fn advanced_time_moves_the_clock_and_ends_keys_of_its_prefix() {
    let mut time = TimeMachine::new(shared(), &fresh_prefix());
    let (clock, start) = (time.clock(), time.clock().now());
    let mut raw = shared().raw();
    for (id, ttl) in [(1, "60000"), (2, "600000")] {
        raw.command(&["SET", &format!("{}:session:{{{id}}}", time.prefix()), "x", "PX", ttl]);
    }
    assert_eq!(clock.now(), start, "it stands still");

    assert_eq!(time.advance(Duration::from_secs(60)), 1);

    assert_eq!(clock.now().since(start), Duration::from_secs(60));
    assert_eq!(raw.keys(time.prefix()), [format!("{}:session:{{2}}", time.prefix())]);
    assert_eq!(time.advance(Duration::from_secs(540)), 1);
}

#[test]
fn shifted_ttls_end_what_is_due_within_the_prefix_only() {
    let (mine, other) = (fresh_prefix(), fresh_prefix());
    let mut raw = shared().raw();
    for (key, ttl) in [("cache:a:{1}", "60000"), ("cache:a:{2}", "600000")] {
        for prefix in [&mine, &other] {
            raw.command(&["SET", &format!("{prefix}:{key}"), "x", "PX", ttl]);
        }
    }
    raw.command(&["SET", &format!("{{{mine}:cache:plain:3}}:g"), "x"]);

    assert_eq!(raw.shift_ttls(&mine, Duration::from_secs(60)), 1);

    assert_eq!(raw.keys(&mine), [format!("{mine}:cache:a:{{2}}"), format!("{{{mine}:cache:plain:3}}:g")]);
    assert_eq!(raw.keys(&other).len(), 2);
    assert_eq!(raw.keys_without_ttl(&mine), [format!("{{{mine}:cache:plain:3}}:g")]);
    let left = raw.command(&["PTTL", &format!("{mine}:cache:a:{{2}}")]).int();
    assert!((1..=540_000).contains(&left), "{left}");
    assert_eq!(raw.delete_keys(&mine), 2);
}

#[tokio::test]
async fn abandoned_server_is_killed_by_its_watchdog() {
    let example = std::env::current_exe().unwrap();
    let child = std::process::Command::new(example)
        .args(["harness::abandons_a_server", "--exact", "--nocapture"])
        .env("REDSTART_TEST_ABANDON", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    let pid = text.lines().find_map(|line| line.split_once("abandoned ")).expect("a process id is printed").1;
    let running = Path::new("/proc").join(pid.trim());
    eventually(Duration::from_secs(10), async || !is_alive(&running)).await;
}

/// The other half of the test above, run in a process of its own.
#[test]
fn abandons_a_server() {
    if std::env::var_os("REDSTART_TEST_ABANDON").is_some() {
        println!("abandoned {}", shared().pid());
    }
}

/// A process that nobody has waited for yet is dead all the same.
fn is_alive(process: &Path) -> bool {
    fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
