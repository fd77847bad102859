use std::time::Duration;

use redstart_connection::{Clock, Store, Timestamp};
use redstart_keys::{Category, Entity, TextId, Ttl};

use super::*;
use crate::operations::Use;

const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));
const RESET: Entity<TextId> = Entity::new(Category::Verification, "reset").ttl(Ttl::minutes(30));
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn after(seconds: u64) -> Timestamp {
    START.saturating_add(Duration::from_secs(seconds))
}

#[tokio::test]
async fn use_is_remembered_for_as_long_as_the_token_is_accepted_anywhere() {
    let clock = Clock::manual(START);
    let guard = ReplayGuard::new(&Store::memory_with(clock.clone()), &JTI).with_skew(Ttl::seconds(30));
    assert_eq!(guard.first_use("iss", "1", after(300)).await.unwrap(), Use::First);
    for second in [0, 299, 30] {
        clock.advance(Duration::from_secs(second));
        assert_eq!(guard.first_use("iss", "1", after(300)).await.unwrap(), Use::Replayed, "{second}");
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(guard.first_use("iss", "1", after(300)).await.unwrap(), Use::Expired);
}

#[tokio::test]
async fn token_that_outlives_the_memory_of_its_use_is_not_accepted() {
    let guard = ReplayGuard::new(&Store::memory_with(Clock::manual(START)), &JTI);
    assert_eq!(guard.first_use("iss", "1", after(3600)).await.unwrap(), Use::First);
    assert_eq!(guard.first_use("iss", "2", after(3601)).await.unwrap(), Use::TooLong);
    assert_eq!(guard.first_use("iss", "3", Timestamp::from_micros(u64::MAX)).await.unwrap(), Use::TooLong);
}

#[tokio::test]
async fn issuers_do_not_use_up_each_others_tokens() {
    let guard = ReplayGuard::new(&Store::memory_with(Clock::manual(START)), &JTI);
    for (issuer, jti) in [("a", "bc"), ("ab", "c"), ("a", "b")] {
        assert_eq!(guard.first_use(issuer, jti, after(60)).await.unwrap(), Use::First, "{issuer} {jti}");
    }
}

#[tokio::test]
async fn later_token_of_a_subject_voids_the_earlier_one() {
    let clock = Clock::manual(START);
    let tokens = OnceTokens::<u64>::new(&Store::memory_with(clock.clone()), &RESET);
    let (first, second) =
        (tokens.issue_for("7", &1).await.unwrap(), tokens.issue_for("7", &2).await.unwrap());
    let other = tokens.issue(&3).await.unwrap();
    assert_eq!(tokens.redeem(&first).await.unwrap(), None);
    assert_eq!(tokens.redeem(&second).await.unwrap(), Some(2));
    assert_eq!(tokens.redeem(&second).await.unwrap(), None);
    assert_eq!(tokens.redeem(&other).await.unwrap(), Some(3));
    let third = tokens.issue_for("7", &4).await.unwrap();
    assert!(tokens.revoke("7").await.unwrap());
    assert_eq!(tokens.redeem(&third).await.unwrap(), None);
    let late = tokens.issue_for("7", &5).await.unwrap();
    clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(tokens.redeem(&late).await.unwrap(), None);
}

#[test]
fn token_is_written_for_the_link_alone() {
    let token: OnceToken = format!("{:032x}.{:032x}", 1, 2).parse().unwrap();
    assert_eq!(format!("{token:?}"), "OnceToken(***)");
    assert!("7".parse::<OnceToken>().is_err());
}
