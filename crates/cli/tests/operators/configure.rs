use redstart_testkit::{Cluster, Raw, RedisServer};

use crate::{
    support::{on, redstart},
    transcript,
};

fn setting(raw: &mut Raw, name: &str) -> String {
    raw.command(&["CONFIG", "GET", name]).array().remove(1).text()
}

#[test]
fn difference_is_shown_applied_and_read_back() {
    let server = RedisServer::start();
    let check = "configure --for both --check";
    let before = transcript::check("configure-check", check, || on(&server, check));
    assert_eq!(before.code, 1, "{before:?}");
    assert_eq!(setting(&mut server.raw(), "maxmemory"), "0", "a check changes nothing");

    let applied = on(&server, "configure --for both --yes");
    assert_eq!(applied.code, 0, "{applied:?}");
    transcript::check("configure-yes", "configure --for both --yes", || applied.clone());
    let mut raw = server.raw();
    for (name, value) in [
        ("maxmemory", "268435456"),
        ("maxmemory-policy", "noeviction"),
        ("save", "300 1"),
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
    ] {
        assert_eq!(setting(&mut raw, name), value, "{name}");
    }
    let after = on(&server, "configure --for both --check");
    assert_eq!(after.code, 0, "{after:?}");
}

#[test]
fn production_gets_more_memory() {
    let server = RedisServer::start();
    let line = "--json --environment production configure --for both --check --without-persistence";
    let variables = [("REDIS_URL", server.url()), ("REDIS_ALLOW_INSECURE", "true".to_owned())];
    let answer = redstart(line, &variables.each_ref().map(|(name, value)| (*name, value.as_str())));
    let json = answer.json();
    let settings = json["plan"]["servers"][0]["settings"].as_array().expect("settings");
    assert_eq!((settings.len(), settings[0]["desired"].as_str()), (2, Some("2147483648")), "{answer:?}");
}

#[test]
fn nobody_to_ask_changes_nothing() {
    let server = RedisServer::start();
    let answer = on(&server, "configure --for both");
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.stderr.contains("--yes"), "{answer:?}");
    assert_eq!(setting(&mut server.raw(), "maxmemory"), "0");
}

#[test]
fn server_that_keeps_locks_does_not_evict_without_consent() {
    let server = RedisServer::start();
    let refused = on(&server, "configure --for cache --yes");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("REDIS_COORDINATION_URL"), "{refused:?}");

    // With a second server the first may evict, unless there is something on it all the same.
    let second = RedisServer::start();
    let variables = [("REDIS_URL", server.url()), ("REDIS_COORDINATION_URL", second.url())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    server.raw().command(&["SET", "lock:payout:{7}", "token", "PX", "60000"]);
    let refused = redstart("configure --for cache --yes", &variables);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("1 of lock"), "{refused:?}");
    assert_eq!(setting(&mut server.raw(), "maxmemory-policy"), "noeviction");

    let consented = redstart("configure --for cache --yes --consent-to-eviction", &variables);
    assert_eq!(consented.code, 0, "{consented:?}");
    assert_eq!(setting(&mut server.raw(), "maxmemory-policy"), "allkeys-lru");
    server.raw().command(&["DEL", "lock:payout:{7}"]);
    assert_eq!(redstart("configure --for cache --yes", &variables).code, 0);

    let second_too = redstart("configure --for coordination --coordination --yes", &variables);
    assert_eq!(second_too.code, 0, "{second_too:?}");
    assert_eq!(setting(&mut second.raw(), "appendonly"), "yes");
}

#[test]
fn all_servers_of_a_cluster_are_set_or_none() {
    let cluster = Cluster::start();
    let last = cluster.master_of_slot(16_383);
    let line = format!("--nodes {} configure --for both --yes --without-rewrite", cluster.addresses()[0]);
    // The way of a server that lets itself be read but not set.
    cluster.raw(last).command(&["ACL", "SETUSER", "default", "-config|set"]);
    let failed = redstart(&line, &[]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("old settings"), "{failed:?}");
    for address in cluster.addresses() {
        let mut raw = cluster.raw(address);
        assert_eq!(setting(&mut raw, "maxmemory"), "0", "{address} was left half set");
        assert_ne!(setting(&mut raw, "save"), "300 1", "{address} was left half set");
    }

    cluster.raw(last).command(&["ACL", "SETUSER", "default", "+config|set"]);
    let applied = redstart(&line, &[]);
    assert_eq!(applied.code, 0, "{applied:?}");
    for address in cluster.addresses() {
        assert_eq!(setting(&mut cluster.raw(address), "maxmemory"), "268435456", "{address}");
    }
}

#[test]
fn managed_service_is_answered_clearly() {
    let server = RedisServer::configure().option("rename-command", "CONFIG \"\"").start();
    let line = "configure --for both --yes";
    let answer = transcript::check("configure-managed", line, || on(&server, line));
    assert_eq!(answer.code, 1, "{answer:?}");
}

#[test]
fn bound_below_what_is_in_use_is_refused() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    for key in ["a", "b", "c"] {
        raw.command(&["SETRANGE", key, "1048575", "x"]);
    }
    let answer = on(&server, "configure --for both --yes --maxmemory 2mb");
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stderr.contains("writes would be refused at once"), "{answer:?}");
    assert_eq!(setting(&mut raw, "maxmemory"), "0");
}
