use std::time::Duration;

use redstart_connection::Clock;
use redstart_keys::Category;

use super::*;

const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
const MINUTE: Duration = Duration::from_secs(60);

fn sessions() -> (Sessions<Vec<u32>>, Clock) {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    (Sessions::new(&Store::memory_with(clock.clone()), &WEB), clock)
}

async fn values(sessions: &Sessions<Vec<u32>>, id: &SessionId) -> Option<Vec<u32>> {
    sessions.load(id).await.unwrap().map(Session::into_value)
}

#[tokio::test]
async fn fixed_session_ends_when_it_was_to_end_and_a_touch_prolongs_it() {
    let (sessions, clock) = sessions();
    let session = sessions.open(vec![1]).await.unwrap();
    clock.advance(59 * MINUTE);
    assert_eq!(values(&sessions, session.id()).await, Some(vec![1]));
    clock.advance(MINUTE);
    assert_eq!(values(&sessions, session.id()).await, None);

    let session = sessions.open(vec![1]).await.unwrap();
    clock.advance(59 * MINUTE);
    assert!(sessions.touch(session.id()).await.unwrap());
    clock.advance(59 * MINUTE);
    assert_eq!(values(&sessions, session.id()).await, Some(vec![1]));
    clock.advance(MINUTE);
    assert!(!sessions.touch(session.id()).await.unwrap());
}

#[tokio::test]
async fn sliding_session_lives_while_it_is_read_up_to_its_bound() {
    let (sessions, clock) = sessions();
    let sessions = sessions.sliding().at_most(Ttl::hours(3));
    let session = sessions.open(vec![1]).await.unwrap();
    for _ in 0..3 {
        clock.advance(50 * MINUTE);
        assert!(values(&sessions, session.id()).await.is_some());
    }
    clock.advance(29 * MINUTE);
    assert!(values(&sessions, session.id()).await.is_some());
    clock.advance(MINUTE);
    assert_eq!(values(&sessions, session.id()).await, None);
}

#[tokio::test]
async fn owner_with_too_many_sessions_loses_the_one_seen_the_longest_ago() {
    let (sessions, clock) = sessions();
    let sessions = sessions.most_of_an_owner(2);
    let mut open = Vec::new();
    for value in 0..3 {
        open.push(sessions.open_for("7", vec![value]).await.unwrap());
        clock.advance(MINUTE);
        sessions.touch(open[0].id()).await.unwrap();
    }
    assert!(values(&sessions, open[0].id()).await.is_some());
    assert!(values(&sessions, open[1].id()).await.is_none());
    assert_eq!(sessions.of_owner("7").await.unwrap().len(), 2);
}

#[tokio::test]
async fn owner_sees_and_ends_sessions_and_nobody_elses() {
    let (sessions, _) = sessions();
    let (a, b) =
        (sessions.open_for("7", vec![1]).await.unwrap(), sessions.open_for("7", vec![2]).await.unwrap());
    let other = sessions.open_for("8", vec![3]).await.unwrap();
    let anybody = sessions.open(vec![4]).await.unwrap();
    let listed = sessions.of_owner("7").await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().any(|listed| listed.digest == a.id().digest()));
    assert!(!sessions.end_listed("8", &a.id().digest()).await.unwrap(), "it is not that owner's");
    assert_eq!(sessions.end_others(a.id()).await.unwrap(), 1);
    assert!(values(&sessions, b.id()).await.is_none());
    assert!(sessions.end_listed("7", &a.id().digest()).await.unwrap());
    assert_eq!(sessions.end_all("7").await.unwrap(), 0);
    assert!(values(&sessions, other.id()).await.is_some() && values(&sessions, anybody.id()).await.is_some());
}

#[tokio::test]
async fn value_of_another_type_is_an_error_and_no_session() {
    let store = Store::memory();
    let numbers = Sessions::<u32>::new(&store, &WEB).open(1).await.unwrap();
    let texts = Sessions::<String>::new(&store, &WEB).load(numbers.id()).await;
    assert!(matches!(texts, Err(SessionError::Value(_))));
}

#[test]
fn nothing_that_is_printed_opens_a_session() {
    let id = SessionId(Secret::at("7"));
    let session = Session { id, value: "secret", version: Version(unique()), ends_at: Timestamp::default() };
    let printed = format!("{session:?} {:?} {:?}", session.id(), session.id().digest());
    let (place, proof) =
        session.id().to_string().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(
        !printed.contains("secret") && !printed.contains(&place) && !printed.contains(&proof),
        "{printed}"
    );
}
