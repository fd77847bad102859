//! The races in which sessions of others are known to go wrong.

use redstart_connection::{Cmd, Config, Store};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_state::{Change, Session, SessionId, Sessions};
use redstart_testkit::{Reply, TimeMachine, fresh_prefix, shared};
use tokio::task::JoinSet;

use super::process;
use crate::support::{config, config_for};

const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));

type Web = Sessions<Vec<u32>>;

fn web(config: &Config) -> Web {
    Sessions::new(&process(config), &WEB)
}

async fn value(sessions: &Web, id: &SessionId) -> Option<Vec<u32>> {
    sessions.load(id).await.unwrap().map(Session::into_value)
}

#[tokio::test]
async fn session_that_was_logged_out_is_not_brought_back_by_a_slow_request() {
    let config = config();
    let (slow, other) = (web(&config), web(&config));
    let session = slow.open_for("7", vec![1]).await.unwrap();
    let mut read = slow.load(session.id()).await.unwrap().unwrap();
    assert!(other.end(session.id()).await.unwrap());
    read.value_mut().push(2);
    assert_eq!(slow.save(&mut read).await.unwrap(), Change::Gone);
    assert!(!slow.touch(session.id()).await.unwrap());
    assert!(slow.update(session.id(), |value| value.push(3)).await.unwrap().is_none());
    assert!(matches!(slow.renew(&read).await.unwrap(), Change::Gone));
    assert!(matches!(slow.renew_for("8", &read).await.unwrap(), Change::Gone));
    assert_eq!(value(&other, session.id()).await, None);
    assert_eq!(other.of_owner("7").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_among_many_at_the_same_time() {
    let config = config();
    let sessions = web(&config);
    let session = sessions.open(Vec::new()).await.unwrap();
    let mut requests = JoinSet::new();
    for number in 0..20 {
        let (sessions, id) = (web(&config), session.id().clone());
        requests.spawn(async move { sessions.update(&id, |value| value.push(number)).await.unwrap() });
    }
    assert!(requests.join_all().await.iter().all(Option::is_some));
    let mut saved = value(&sessions, session.id()).await.unwrap();
    saved.sort_unstable();
    assert_eq!(saved, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn save_of_what_was_read_before_another_save_is_told_so() {
    let config = config();
    let (a, b) = (web(&config), web(&config));
    let session = a.open(vec![1]).await.unwrap();
    let mut of_a = a.load(session.id()).await.unwrap().unwrap();
    let mut of_b = b.load(session.id()).await.unwrap().unwrap();
    of_a.value_mut().push(2);
    of_b.value_mut().push(3);
    assert_eq!(a.save(&mut of_a).await.unwrap(), Change::Done(()));
    assert_eq!(b.save(&mut of_b).await.unwrap(), Change::Conflict);
    of_a.value_mut().push(4);
    assert_eq!(a.save(&mut of_a).await.unwrap(), Change::Done(()), "who saved goes on from there");
    assert_eq!(value(&b, session.id()).await, Some(vec![1, 2, 4]));
}

#[tokio::test]
async fn touch_leaves_the_value_alone() {
    let config = config();
    let (a, b) = (web(&config), web(&config));
    let session = a.open(vec![1]).await.unwrap();
    let mut read = a.load(session.id()).await.unwrap().unwrap();
    assert!(b.touch(session.id()).await.unwrap());
    read.value_mut().push(2);
    assert_eq!(a.save(&mut read).await.unwrap(), Change::Done(()), "a touch is no change");
    assert!(b.touch(session.id()).await.unwrap());
    assert_eq!(value(&b, session.id()).await, Some(vec![1, 2]), "and brings back nothing old");
}

#[tokio::test]
async fn id_from_before_the_login_opens_nothing_after_it() {
    let config = config();
    let sessions = web(&config);
    let planted = sessions.open(vec![1]).await.unwrap();
    let Change::Done(session) = sessions.renew_for("7", &planted).await.unwrap() else { panic!("renewed") };
    assert_eq!(value(&sessions, planted.id()).await, None);
    assert_eq!(value(&sessions, session.id()).await, Some(vec![1]));
    let Change::Done(again) = sessions.renew(&session).await.unwrap() else { panic!("renewed") };
    assert_eq!(value(&sessions, session.id()).await, None);
    assert_eq!(value(&sessions, again.id()).await, Some(vec![1]));
    assert_eq!(sessions.of_owner("7").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_renewals_at_the_same_time_one_is_done() {
    for owner in [None, Some("7")] {
        let config = config();
        let sessions = web(&config);
        let session = sessions.open(vec![1]).await.unwrap();
        let mut requests = JoinSet::new();
        for _ in 0..10 {
            let (sessions, id) = (web(&config), session.id().clone());
            requests.spawn(async move {
                let Some(read) = sessions.load(&id).await.unwrap() else { return false };
                let renewed = match owner {
                    Some(owner) => sessions.renew_for(owner, &read).await.unwrap(),
                    None => sessions.renew(&read).await.unwrap(),
                };
                matches!(renewed, Change::Done(_))
            });
        }
        let done = requests.join_all().await.into_iter().filter(|done| *done).count();
        assert_eq!(done, 1, "{owner:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ending_all_sessions_leaves_none_that_was_renewed_meanwhile() {
    for _ in 0..50 {
        let config = config();
        let (a, b) = (web(&config), web(&config));
        let session = a.open_for("7", vec![1]).await.unwrap();
        let (renewed, ended) = tokio::join!(a.renew(&session), b.end_all("7"));
        assert_eq!(ended.unwrap(), 1);
        if let Change::Done(renewed) = renewed.unwrap() {
            assert_eq!(value(&a, renewed.id()).await, None);
        }
        assert_eq!(a.of_owner("7").await.unwrap(), []);
    }
}

#[tokio::test]
async fn server_opens_no_session_to_who_reads_it() {
    let config = config();
    let store = process(&config);
    let sessions = Web::new(&store, &WEB);
    let session = sessions.open_for("ada@example.com", vec![1]).await.unwrap();
    let mut raw = shared().raw();
    let mut all = String::new();
    for name in raw.keys(&store.prefix().to_string()) {
        let kept: Vec<String> =
            raw.command(&["HGETALL", &name]).array().into_iter().map(Reply::text).collect();
        all += &format!("{name} {}", kept.join(" "));
    }
    let id = session.id().to_string();
    let (_, proof) = id.split_once('.').unwrap();
    assert!(all.contains("[1]"), "the value is there: {all}");
    assert!(!all.contains(proof) && !all.contains("ada"), "{all}");
}

#[tokio::test]
async fn session_on_a_server_ends_when_it_was_to_end() {
    let mut time = TimeMachine::new(shared(), &fresh_prefix());
    let config = config_for(shared()).with_prefix(time.prefix()).unwrap();
    let store = Store::lazy_with(&config, time.clock()).unwrap();
    let (fixed, sliding) = (Web::new(&store, &WEB), Web::new(&store, &WEB).sliding().at_most(Ttl::hours(3)));
    let (a, b) = (fixed.open(vec![1]).await.unwrap(), sliding.open(vec![2]).await.unwrap());
    let minutes = |count: u64| std::time::Duration::from_secs(60 * count);
    time.advance(minutes(50));
    assert!(value(&fixed, a.id()).await.is_some() && value(&sliding, b.id()).await.is_some());
    time.advance(minutes(20));
    assert!(value(&fixed, a.id()).await.is_none() && value(&sliding, b.id()).await.is_some());
    for _ in 0..2 {
        time.advance(minutes(50));
        assert!(value(&sliding, b.id()).await.is_some());
    }
    time.advance(minutes(10));
    assert_eq!(value(&sliding, b.id()).await, None);
    assert_eq!(
        store
            .command(Cmd::new("EXISTS").key(&WEB.key(&TextId::new("x").unwrap())))
            .await
            .unwrap()
            .into_int()
            .unwrap(),
        0
    );
    assert_eq!(shared().raw().keys(time.prefix()), Vec::<String>::new());
}
