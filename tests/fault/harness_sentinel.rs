//! Sentinels replace masters that fail.

use redstart_testkit::{Raw, Reply, Sentinels};

#[tokio::test]
async fn killed_master_is_replaced_and_comes_back_as_a_replica() {
    let mut sentinels = Sentinels::start();
    let old = sentinels.kill_master();
    sentinels.wait_until_stable().await;
    let new = sentinels.master();
    assert_ne!(new, old);
    sentinels.raw(new).command(&["SET", "key", "value"]);

    sentinels.restart(old);

    sentinels.wait_until_stable().await;
    assert_eq!(sentinels.master(), new);
    assert_read_only(&mut sentinels.raw(old));
}

#[tokio::test]
async fn frozen_master_is_replaced_and_learns_of_it_when_thawed() {
    let mut sentinels = Sentinels::start();
    let old = sentinels.freeze_master();
    sentinels.wait_until_stable().await;
    assert_ne!(sentinels.master(), old);
    sentinels.thaw(old);
    sentinels.wait_until_stable().await;
    assert_read_only(&mut sentinels.raw(old));
}

#[tokio::test]
async fn two_sentinels_replace_a_master_while_the_third_is_away() {
    let mut sentinels = Sentinels::start();
    let away = sentinels.sentinel_addresses()[0];
    sentinels.kill(away);
    let old = sentinels.kill_master();
    sentinels.wait_until_stable().await;
    assert_ne!(sentinels.master(), old);

    sentinels.restart(away);

    sentinels.wait_until_stable().await;
}

fn assert_read_only(raw: &mut Raw) {
    let reply = raw.try_command(&["SET", "key", "other"]).unwrap();
    assert!(matches!(&reply, Reply::Error(text) if text.starts_with("READONLY")), "{reply:?}");
}
