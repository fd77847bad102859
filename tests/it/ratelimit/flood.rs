//! A million strangers against what is kept of them in the process.

use std::time::Duration;

use redstart_connection::Store;
use redstart_ratelimit::{Leases, Limiter, Policy, Source};
use redstart_testkit::shared;
use tokio::task::JoinSet;

use crate::support::store;

const STRANGERS: u64 = 1_000_000;
const LENT: Policy = Policy::per_minute("lent", 100).lent_for(Duration::from_secs(600));
const NARROW: Policy = Policy::per_hour("narrow", 1);

/// The number in what a thing shows of itself, such as `Leases { subjects: 7, .. }`.
fn number(shown: impl std::fmt::Debug, field: &str) -> usize {
    let shown = format!("{shown:?}");
    let (_, after) = shown.split_once(&format!("{field}: ")).expect("the field is shown");
    after.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[tokio::test]
async fn million_strangers_leave_the_process_bounded() {
    let store = Store::memory();
    let limiter = Limiter::new(store.clone());
    let leases = Leases::new(&limiter);
    for stranger in 0..STRANGERS {
        assert!(leases.check(&LENT, stranger).await.is_allowed(), "{stranger}");
    }
    assert_eq!(number(&leases, "subjects"), 100_000);

    // The embedded store is full: who is new shares one bucket, and who is known is counted as before.
    let newcomer = limiter.check(&NARROW, "newcomer").await;
    assert_eq!((newcomer.source(), newcomer.is_allowed()), (Source::Overflow, true));
    let next = limiter.check(&NARROW, "another").await;
    assert_eq!((next.source(), next.is_allowed()), (Source::Overflow, false));
    assert_eq!(limiter.check(&LENT, 7).await.source(), Source::Memory);
    assert!(number(limiter.violations(), "kept") <= 4_096);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_are_refused_by_a_server_leave_a_key_each_and_the_process_bounded() {
    let store = store();
    let limiter = Limiter::new(store.clone());
    let mut callers = JoinSet::new();
    for caller in 0..64_u64 {
        let limiter = limiter.clone();
        callers.spawn(async move {
            for nth in 0..250 {
                let stranger = caller * 1_000 + nth;
                assert!(limiter.check(&NARROW, stranger).await.is_allowed());
                assert!(!limiter.check(&NARROW, stranger).await.is_allowed());
            }
        });
    }
    callers.join_all().await;
    assert_eq!(number(&limiter, "standing"), 10_000);
    assert!(number(limiter.violations(), "kept") <= 4_096);
    let prefix = store.prefix().as_str();
    assert_eq!(shared().raw().keys(prefix).len(), 16_000);
    assert!(shared().raw().keys_without_ttl(prefix).is_empty());
}
