//! How leases are prolonged.

use redstart_connection::{Renewal, Store};
use redstart_keys::Ttl;
use redstart_lock::operations::{Acquire, Extend, Token};
use redstart_testkit::{Raw, RedisServer, Reply, eventually};

use super::{LONG, PAYOUT, key, process};
use crate::support::{GUARD, config_for};

/// How often the server has carried out `command`.
fn calls(raw: &mut Raw, command: &str) -> u64 {
    let stats = raw.command(&["INFO", "commandstats"]).text();
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn one_lease_is_prolonged_by_a_plain_command_where_there_is_one() {
    let server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let (ours, theirs) = (Token::new("ours"), Token::new("theirs"));
    store.run(&Acquire::new(&key(), ours.clone(), LONG)).await.unwrap();
    let mut raw = server.raw();
    let scripts = calls(&mut raw, "evalsha") + calls(&mut raw, "eval");
    let extend = |token| Extend::new(&key(), token, LONG);
    assert_eq!(store.run(&extend(ours.clone())).await.unwrap(), [Renewal::Kept]);
    assert_eq!(store.run(&extend(ours.clone())).await.unwrap(), [Renewal::Kept]);
    assert_eq!(store.run(&extend(theirs)).await.unwrap(), [Renewal::Lost]);
    let by_script = calls(&mut raw, "evalsha") + calls(&mut raw, "eval") - scripts;
    assert_eq!(by_script == 0, store.capabilities().unwrap().sets_if_equal());
    raw.command(&["FLUSHALL"]);
    assert_eq!(store.run(&extend(ours)).await.unwrap(), [Renewal::Lost]);
    assert_eq!(raw.command(&["DBSIZE"]), Reply::Int(0), "what is lost is not taken again");
}

#[tokio::test]
async fn thousand_leases_share_their_renewals() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    let mut held = Vec::new();
    for id in 0..1_000 {
        held.push(locks.lock(&PAYOUT.key(&id)).ttl(Ttl::seconds(6)).acquire().await.unwrap());
    }
    let mut raw = server.raw();
    raw.command(&["CONFIG", "RESETSTAT"]);
    eventually(GUARD, async || 2_000 <= calls(&mut raw, "pexpire")).await;
    let scripts = calls(&mut raw, "evalsha");
    let stats = raw.command(&["INFO", "commandstats"]).text();
    let cost = stats.lines().find(|line| line.starts_with("cmdstat_evalsha")).unwrap_or_default();
    println!("two rounds of 1,000 leases: {cost}");
    assert!((1..=60).contains(&scripts), "{scripts} scripts for two rounds");
    assert!(held.iter().all(|guard| !guard.valid_for().is_zero()));
}
