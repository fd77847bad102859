//! What each kind of state does without Redis: refuse, buffer, or go on with the last value.

use std::time::Duration;

use redstart_connection::{Error, ErrorKind};
use redstart_state::{
    Codes, Counters, Fingerprint, FlagRule, Flags, Idempotency, OnceTokens, ReplayGuard, Sent, SessionError,
    Sessions,
};
use redstart_testkit::{Fault, eventually};

use super::{EMAIL, FEATURE, JTI, RESET, VIEWS, WEB, WORK, behind_a_proxy};
use crate::support::{GUARD, recovered};

const HOUR: Duration = Duration::from_secs(3600);

fn is_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Connection)
}

#[tokio::test]
async fn replay_guard_codes_tokens_and_idempotency_fail_closed() {
    let (_server, proxy, store) = behind_a_proxy().await;
    let (work, guard) = (Idempotency::new(&store, &WORK), ReplayGuard::new(&store, &JTI));
    let codes = Codes::new(&store, &EMAIL, b"secret of the service");
    let tokens = OnceTokens::<u64>::new(&store, &RESET);
    let Sent::Code(code) = codes.issue(&1).await.unwrap() else { panic!("the first is issued") };
    let token = tokens.issue(&7).await.unwrap();
    let expires_at = store.clock().now().saturating_add(HOUR / 2);
    // What may be answered from memory is answered from memory: from then on, the rest still is not.
    let standby = Sessions::<u64>::new(&store, &WEB).with_standby();
    for fault in [Fault::BlackHole, Fault::Refuse] {
        proxy.set(fault);
        proxy.stall_existing();
        eventually(GUARD, async || standby.open(1).await.is_ok()).await;
        assert!(is_away(&work.begin(&1, &Fingerprint::of(&[])).await.unwrap_err()));
        assert!(is_away(&guard.first_use("iss", "1", expires_at).await.unwrap_err()));
        assert!(is_away(&codes.verify(&1, code.reveal()).await.unwrap_err()));
        assert!(is_away(&codes.issue(&2).await.unwrap_err()));
        assert!(tokens.redeem(&token).await.is_err());
        assert!(tokens.issue(&8).await.is_err());
    }
}

#[tokio::test]
async fn sessions_refuse_or_are_kept_in_memory_as_chosen() {
    let (_server, proxy, store) = behind_a_proxy().await;
    let strict = Sessions::<u64>::new(&store, &WEB);
    let lenient = Sessions::<u64>::new(&store, &WEB).with_standby();
    let before = strict.open(1).await.unwrap();
    proxy.set(Fault::Refuse);
    proxy.stall_existing();
    assert!(matches!(strict.load(before.id()).await, Err(SessionError::Unavailable(_))));
    assert!(strict.open(2).await.is_err());
    // Nobody answers in place of a server that may have done it; once it is known to be away, memory does.
    let mut meanwhile = None;
    eventually(GUARD, async || {
        meanwhile = lenient.open(3).await.ok();
        meanwhile.is_some()
    })
    .await;
    let meanwhile = meanwhile.unwrap();
    assert_eq!(lenient.load(meanwhile.id()).await.unwrap().map(redstart_state::Session::into_value), Some(3));
    assert!(lenient.load(before.id()).await.unwrap().is_none(), "what was before is not known meanwhile");
    proxy.set(Fault::None);
    recovered(&store).await;
    eventually(GUARD, async || matches!(lenient.load(before.id()).await, Ok(Some(_)))).await;
    assert!(lenient.load(meanwhile.id()).await.unwrap().is_none(), "what was meanwhile is forgotten");
}

#[tokio::test]
async fn counters_buffer_and_send_when_the_server_is_back() {
    let (_server, proxy, store) = behind_a_proxy().await;
    let views = Counters::new(&store, &VIEWS).flushing_every(Duration::from_millis(50)).with_top(10);
    views.add(&1, 1);
    eventually(GUARD, async || views.total(&1, HOUR).await.is_ok_and(|total| total == 1)).await;
    proxy.set(Fault::Refuse);
    proxy.stall_existing();
    for _ in 0..1_000 {
        views.add(&1, 1);
        views.add(&2, 1);
    }
    assert!(views.flush().await.waiting > 0);
    assert!(views.total(&1, HOUR).await.is_err());
    proxy.set(Fault::None);
    let is_there = async |id, count| views.total(&id, HOUR).await.is_ok_and(|total| total == count);
    eventually(GUARD, async || is_there(1, 1_001).await && is_there(2, 1_000).await).await;
    assert_eq!(views.top(1, HOUR).await.unwrap(), [("1".to_owned(), 1_001)]);
}

#[tokio::test]
async fn flags_go_on_with_the_last_value_and_hear_of_changes_afterwards() {
    let (server, proxy, store) = behind_a_proxy().await;
    let flags = Flags::new(&store, &FEATURE).with("checkout", FlagRule::OFF);
    let prefix = store.prefix().to_string();
    let elsewhere = Flags::new(&super::patient(&server, &prefix), &FEATURE).with("checkout", FlagRule::OFF);
    elsewhere.set("checkout", &FlagRule::ON).await.unwrap();
    eventually(GUARD, async || flags.is_on("checkout", None, &[])).await;
    proxy.set(Fault::Refuse);
    proxy.stall_existing();
    assert!(flags.refresh().await.is_err());
    assert!(flags.set("checkout", &FlagRule::OFF).await.is_err());
    assert!(flags.is_on("checkout", None, &[]), "the last value holds");
    elsewhere.set("checkout", &FlagRule::OFF).await.unwrap();
    assert!(flags.is_on("checkout", None, &[]), "nobody could tell");
    proxy.set(Fault::None);
    eventually(GUARD, async || !flags.is_on("checkout", None, &[])).await;
}
