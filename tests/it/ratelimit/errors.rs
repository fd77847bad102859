//! A server that answers with an error has not said yes.

use redstart_connection::Store;
use redstart_ratelimit::{Limiter, OnOutage, Policy, Source, Subject};
use redstart_testkit::shared;

use crate::support::store;

const CLOSED: Policy = Policy::per_hour("closed", 5).on_outage(OnOutage::Deny);
const LOCAL: Policy = Policy::per_hour("local", 4).on_outage(OnOutage::Local { share: 0.5 });
const OTHER: Policy = Policy::per_hour("other", 5);

/// Puts something under the name of a limiter that no script can read.
fn spoil(store: &Store, policy: &Policy, subject: u64) {
    let name = String::from_utf8(store.name_of(&policy.entity().key(&Subject::from(subject)))).unwrap();
    shared().raw().command(&["RPUSH", &name, "no limit"]);
    shared().raw().command(&["EXPIRE", &name, "100"]);
}

#[tokio::test]
async fn error_of_the_server_lets_nobody_pass_in_silence() {
    let store = store();
    let limiter = Limiter::new(store.clone());
    for policy in [CLOSED, LOCAL] {
        spoil(&store, &policy, 1);
        let error = limiter.try_check(&policy, 1).await.unwrap_err();
        assert_eq!(error.code(), Some("WRONGTYPE"), "{error}");
    }
    let refused = limiter.check(&CLOSED, 1).await;
    assert_eq!((refused.is_allowed(), refused.source()), (false, Source::Unavailable));
    // The share of this process is counted, and no more passes than that.
    let mut admitted = 0;
    for _ in 0..10 {
        let decision = limiter.check(&LOCAL, 1).await;
        assert_eq!(decision.source(), Source::Standby);
        admitted += u32::from(decision.is_allowed());
    }
    assert_eq!(admitted, 2);
    // Whose limiter is well is counted by the server as ever.
    assert_eq!(limiter.check(&CLOSED, 2).await.source(), Source::Redis);
}

#[tokio::test]
async fn limits_beside_one_that_fails_are_not_charged() {
    let store = store();
    let limiter = Limiter::new(store.clone());
    spoil(&store, &CLOSED, 1);
    for _ in 0..3 {
        let both = [(&OTHER, Subject::from(1)), (&CLOSED, Subject::from(1))];
        let decision = limiter.check_all(&both).await;
        assert_eq!((decision.is_allowed(), decision.source()), (false, Source::Unavailable));
    }
    assert_eq!(limiter.peek(&OTHER, 1).await.remaining(), OTHER.limit());
}
