//! Answers that are lost on their way: what was done is neither done twice nor denied to who did it.

use std::{sync::Arc, time::Duration};

use redstart_connection::{Config, Store};
use redstart_keys::TextId;
use redstart_state::{
    Begun, Codes, Counters, Fingerprint, Idempotency, ReplayGuard, Sent, SessionId, Sessions, Use, Verdict,
    operations::{LoadSession, Place, SaveSession, Saved, Version},
};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually};
use tokio::task::JoinSet;

use super::{EMAIL, JTI, VIEWS, WEB, WORK, behind_a_proxy, patient, prefix};
use crate::support::{GUARD, recovered};

const HOUR: Duration = Duration::from_secs(3600);

/// A store behind a proxy, which tries again until it is answered.
async fn flaky(patience: Duration) -> (RedisServer, Arc<Proxy>, Store, Store) {
    let server = RedisServer::start();
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let prefix = prefix();
    let config =
        Config::from_url(&server.url_at(proxy.address())).and_then(|c| c.with_prefix(&prefix)).unwrap();
    let store = Store::lazy(&config.with_command_timeout(patience).with_connect_timeout(patience)).unwrap();
    let straight = patient(&server, &prefix);
    (server, proxy, store, straight)
}

/// Cuts all connections again and again until it is dropped.
struct Cuts {
    proxy: Arc<Proxy>,
    tasks: JoinSet<()>,
}

impl Cuts {
    /// Lets the store come back in peace: on a busy machine it may take longer than there is between two cuts.
    async fn calm(&mut self, store: &Store) {
        self.tasks.shutdown().await;
        self.proxy.set(Fault::None);
        recovered(store).await;
        *self = cutting(&self.proxy);
    }
}

fn cutting(proxy: &Arc<Proxy>) -> Cuts {
    let mut tasks = JoinSet::new();
    tasks.spawn(cut(Arc::clone(proxy)));
    Cuts { proxy: Arc::clone(proxy), tasks }
}

async fn cut(proxy: Arc<Proxy>) {
    loop {
        tokio::time::sleep(Duration::from_millis(30)).await;
        // The server has done it, and nobody is told.
        proxy.set(Fault::LoseReplies);
        tokio::time::sleep(Duration::from_millis(4)).await;
        proxy.set(Fault::Reset);
        tokio::time::sleep(Duration::from_millis(2)).await;
        proxy.set(Fault::None);
    }
}

/// Calls until there is an answer: as who asks for something does whose answer was lost.
macro_rules! answered {
    ($call:expr) => {{
        let mut answer = None;
        eventually(GUARD, async || {
            answer = $call.await.ok();
            answer.is_some()
        })
        .await;
        answer.unwrap()
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_neither_lost_nor_doubled() {
    let (_server, proxy, store, straight) = flaky(Duration::from_secs(2)).await;
    let views = Counters::new(&store, &VIEWS).flushing_every(Duration::from_millis(3)).with_top(10);
    let cuts = cutting(&proxy);
    for _ in 0..300 {
        views.add(&1, 1);
        views.add(&2, 2);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(cuts);
    proxy.set(Fault::None);
    eventually(GUARD, async || views.flush().await.waiting == 0).await;
    let there = Counters::new(&straight, &VIEWS).with_top(10);
    assert_eq!(there.total(&1, HOUR).await.unwrap(), 300);
    assert_eq!(there.total(&2, HOUR).await.unwrap(), 600);
    assert_eq!(there.top(1, HOUR).await.unwrap(), [("2".to_owned(), 600)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_use_is_first_even_if_its_answer_came_late_and_second_never() {
    let (_server, proxy, store, straight) = flaky(GUARD).await;
    let (guard, other) = (ReplayGuard::new(&store, &JTI), ReplayGuard::new(&straight, &JTI));
    let expires_at = store.clock().now().saturating_add(HOUR / 2);
    let mut cuts = cutting(&proxy);
    let (mut first, mut refused) = (0, 0);
    for token in 0..400 {
        match guard.first_use("iss", &token.to_string(), expires_at).await {
            Ok(used) => {
                assert_eq!(used, Use::First, "nobody else has used {token}");
                first += 1;
                assert_eq!(
                    other.first_use("iss", &token.to_string(), expires_at).await.unwrap(),
                    Use::Replayed
                );
            }
            // Fails closed; that it may be used up is the price.
            Err(_) => {
                refused += 1;
                cuts.calm(&store).await;
            }
        }
    }
    drop(cuts);
    assert!(first > 0, "{refused} were refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guess_whose_answer_was_lost_is_one_attempt() {
    let (_server, proxy, store, straight) = flaky(GUARD).await;
    let codes = Codes::new(&store, &EMAIL, b"secret of the service").attempts(1_000);
    let there = Codes::new(&straight, &EMAIL, b"secret of the service").attempts(1_000);
    let Sent::Code(code) = there.issue(&1).await.unwrap() else { panic!("the first is issued") };
    let mut cuts = cutting(&proxy);
    let mut expected = 1_000;
    for _ in 0..400 {
        match codes.verify(&1, "wrong").await {
            Ok(verdict) => {
                expected -= 1;
                assert_eq!(verdict, Verdict::Wrong { left: expected });
            }
            Err(_) => {
                // It may have been counted: look.
                let Verdict::Wrong { left } = answered!(there.verify(&1, "wrong")) else { panic!() };
                assert!((expected - 2..expected).contains(&left), "{left} of {expected}");
                expected = left;
                cuts.calm(&store).await;
            }
        }
    }
    assert_eq!(there.verify(&1, code.reveal()).await.unwrap(), Verdict::Verified);
    drop(cuts);
}

#[tokio::test]
async fn save_whose_answer_was_lost_is_no_conflict_with_itself() {
    let (server, proxy, store) = behind_a_proxy().await;
    let straight = patient(&server, &store.prefix().to_string());
    let sessions = Sessions::<u64>::new(&straight, &WEB);
    let session = sessions.open_for("7", 0).await.unwrap();
    // From here on the server knows the script.
    sessions.update(session.id(), |_| ()).await.unwrap();
    let listed = &sessions.of_owner("7").await.unwrap()[0];
    let place = Place::new(WEB.key(&owner_of(session.id())), listed.digest);
    let load = LoadSession::new(place.clone());
    // So that every lane is connected.
    for _ in 0..10 {
        store.run(&load).await.unwrap();
    }
    let loaded = straight.run(&load).await.unwrap().unwrap();
    let save = SaveSession::new(place, Version::new("second"), "1".into()).if_still(loaded.version);
    proxy.set(Fault::LoseReplies);
    assert!(store.run(&save).await.is_err());
    assert_eq!(sessions.load(session.id()).await.unwrap().unwrap().into_value(), 1, "the server has done it");
    assert!(matches!(straight.run(&save).await.unwrap(), Saved::Written { .. }));
}

/// The place of a session's owner, as its id says it.
fn owner_of(id: &SessionId) -> TextId {
    let id = id.to_string();
    TextId::new(id.split_once('.').unwrap().0).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_of_work_reaches_the_store_after_the_outage() {
    let (server, proxy, store) = behind_a_proxy().await;
    let straight = patient(&server, &store.prefix().to_string());
    let (work, there) = (Idempotency::new(&store, &WORK), Idempotency::new(&straight, &WORK));
    let request = Fingerprint::of(&[b"request"]);
    let Begun::New(run) = work.begin(&1, &request).await.unwrap() else { panic!("the first begins") };
    proxy.set(Fault::BlackHole);
    proxy.stall_existing();
    assert!(run.complete("done".into()).await.is_err());
    assert!(matches!(there.begin(&1, &request).await.unwrap(), Begun::Running { .. }));
    proxy.set(Fault::None);
    eventually(
        GUARD,
        async || matches!(there.begin(&1, &request).await.unwrap(), Begun::Done(answer) if answer == "done"),
    )
    .await;
}
