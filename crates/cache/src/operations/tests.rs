use std::time::Duration;

use redstart_connection::{Store, Timestamp};
use redstart_keys::{Category, Entity, Key, Ttl};

use super::*;
use crate::header::Header;

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

fn sequencer() -> Key {
    Key::namespace(Category::Cache, "user", "seq")
}

fn take() -> Take {
    Take::new(vec![USER.key(&1)], sequencer(), Ttl::seconds(30))
}

fn tokens(tickets: &Tickets) -> Vec<&str> {
    tickets.tickets.iter().flatten().map(|ticket| ticket.token.as_str()).collect()
}

#[tokio::test]
async fn attempt_that_arrives_late_does_not_revive_a_ticket() {
    // The first attempt is given up, and arrives only after the second one and an invalidation.
    let (store, take) = (Store::memory(), take());
    let second = store.run(&take).await.expect("memory answers");
    store.run(&Invalidate::new(USER.key(&1))).await.expect("memory answers");
    store.run(&take).await.expect("memory answers");
    let entry = |token: &str| {
        FillEntry::new(USER.key(&1), token.to_owned(), Bytes::from_static(b"old"), Ttl::hours(1))
    };
    let fill = Fill::new(tokens(&second).into_iter().map(entry).collect());
    assert_eq!(store.run(&fill).await.expect("memory answers"), [Filled::Superseded]);
}

#[tokio::test]
async fn attempt_that_arrives_late_does_not_revive_a_claim() {
    let (store, claim) = (Store::memory(), Claim::new(USER.key(&1), sequencer()));
    let second = store.run(&claim).await.expect("memory answers");
    store.run(&Invalidate::new(USER.key(&1))).await.expect("memory answers");
    store.run(&claim).await.expect("memory answers");
    let put = Put::new(USER.key(&1), second.token, Bytes::from_static(b"old"), Ttl::hours(1));
    assert_eq!(store.run(&put).await.expect("memory answers"), PutOutcome::Superseded);
}

#[tokio::test]
async fn put_whose_answer_was_lost_knows_its_own_value() {
    let store = Store::memory();
    let claimed = store.run(&Claim::new(USER.key(&1), sequencer())).await.expect("memory answers");
    let put = Put::new(USER.key(&1), claimed.token, Bytes::from_static(b"new"), Ttl::hours(1));
    for _attempt in 0..2 {
        assert_eq!(store.run(&put).await.expect("memory answers"), PutOutcome::Stored);
    }
    // Unless what it stored has been taken away since.
    store.run(&Invalidate::new(USER.key(&1))).await.expect("memory answers");
    assert_eq!(store.run(&put).await.expect("memory answers"), PutOutcome::Superseded);
    assert_eq!(store.run(&Read::new(vec![USER.key(&1)])).await.expect("memory answers"), [None]);
}

#[tokio::test]
async fn those_who_miss_together_share_a_ticket_and_none_is_had_beside_a_claim() {
    let store = Store::memory();
    let (one, two) = (store.run(&take()).await, store.run(&take()).await);
    let (one, two) = (one.expect("memory answers"), two.expect("memory answers"));
    assert_eq!(tokens(&one), tokens(&two));
    store.run(&Claim::new(USER.key(&1), sequencer())).await.expect("memory answers");
    assert_eq!(store.run(&take()).await.expect("memory answers").tickets, [None]);
}

#[tokio::test]
async fn older_put_does_not_overwrite_a_newer_value() {
    let store = Store::memory();
    let steps = [
        ("new", 9, PutOutcome::Stored),
        ("old", 8, PutOutcome::Superseded),
        ("as old", 9, PutOutcome::Stored),
        ("newest", 10, PutOutcome::Stored),
    ];
    for (payload, as_of, expected) in steps {
        let claimed = store.run(&Claim::new(USER.key(&1), sequencer())).await.expect("memory answers");
        let header = Header {
            absent: false,
            as_of,
            created: Timestamp::from_micros(1),
            fresh_for: Duration::from_secs(1),
            load_time: Duration::ZERO,
            form: 0,
            stale_for: Duration::ZERO,
            tags: crate::tag::Tags::default(),
            validator: None,
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.extend_from_slice(payload.as_bytes());
        let put = Put::new(USER.key(&1), claimed.token, bytes.into(), Ttl::hours(1));
        assert_eq!(store.run(&put).await.expect("memory answers"), expected, "{payload}");
    }
}
