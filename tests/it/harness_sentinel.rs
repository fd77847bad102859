//! The sentinels that the tests stand on.

use redstart_testkit::{Raw, Reply, Sentinels};

#[tokio::test]
async fn every_sentinel_names_one_master_whose_replicas_follow() {
    let sentinels = Sentinels::start();
    let master = sentinels.master();
    assert_eq!((sentinels.sentinel_addresses().len(), sentinels.addresses()[0]), (3, master));
    for address in sentinels.sentinel_addresses() {
        let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinels.master_name()];
        let parts = sentinels.raw(address).command(&command).array().into_iter().map(Reply::text);
        assert_eq!(parts.collect::<Vec<_>>().join(":"), master.to_string());
        let quorum = sentinels.raw(address).command(&["SENTINEL", "CKQUORUM", sentinels.master_name()]);
        assert!(quorum.text().starts_with("OK 3 usable Sentinels"));
    }

    let mut raw = sentinels.raw(master);
    raw.command(&["SET", "key", "value"]);
    assert_eq!(raw.command(&["WAIT", "2", "5000"]).int(), 2);
    let replica = sentinels.addresses()[1];
    assert!(refusal(&mut sentinels.raw(replica), &["SET", "key", "other"]).starts_with("READONLY"));
}

#[tokio::test]
async fn failover_changes_the_master_behind_passwords_too() {
    let setup = Sentinels::configure().password("secret").sentinel_password("sesame");
    let sentinels = setup.sentinel_user("app", "open", "+@all").start();
    let old = sentinels.master();
    let mut stranger = Raw::connect(sentinels.sentinel_addresses()[0]).unwrap();
    assert!(refusal(&mut stranger, &["SENTINEL", "MASTERS"]).starts_with("NOAUTH"));
    stranger.command(&["AUTH", "app", "open"]);
    stranger.command(&["SENTINEL", "MASTERS"]);
    assert!(refusal(&mut Raw::connect(old).unwrap(), &["GET", "key"]).starts_with("NOAUTH"));
    sentinels.raw(old).command(&["SET", "key", "value"]);
    assert_eq!(sentinels.raw(old).command(&["WAIT", "2", "5000"]).int(), 2);

    let new = sentinels.failover().await;

    assert_ne!(new, old);
    assert_eq!(sentinels.raw(new).command(&["GET", "key"]).text(), "value");
    assert!(refusal(&mut sentinels.raw(old), &["SET", "key", "other"]).starts_with("READONLY"));
    assert_eq!(sentinels.node(new).url(), format!("redis://:secret@{new}/0"));
}

fn refusal(raw: &mut Raw, command: &[&str]) -> String {
    match raw.try_command(command).unwrap() {
        Reply::Error(text) => text,
        other => panic!("an error was expected, not {other:?}"),
    }
}
