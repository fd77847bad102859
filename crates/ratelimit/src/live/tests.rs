use std::time::Duration;

use redstart_connection::Store;

use super::LivePolicies;
use crate::{OnOutage, Policy, PolicyTable, policy::Patience};

const API: Policy = Policy::per_hour("api", 1_000);
const LOGIN: Policy = Policy::per_minute("login", 5).on_outage(OnOutage::Deny);

fn live() -> LivePolicies {
    LivePolicies::new(PolicyTable::new(&[API, LOGIN]))
}

#[test]
fn text_changes_what_it_says_and_nothing_else() {
    let live = live();
    let text =
        "[redis]\nurl = 1\n[limits.api]\nlimit = 7\nperiod = '1m'\nburst = 3\noutage = 0.25\ntrial = true
        deadline = 'adaptive'";
    live.change_by_toml(text).expect("it is right");
    let api = live.or_default("api");
    assert_eq!((api.limit(), api.period()), (7, Duration::from_secs(60)));
    assert_eq!((api.stated_burst(), api.is_on_trial()), (Some(3), true));
    assert_eq!(api.outage_rule(), OnOutage::Local { share: 0.25 });
    assert_eq!(
        (api.patience(), live.or_default("login").patience()),
        (Patience::Adaptive, Patience::Command)
    );
    assert_eq!(live.or_default("login").outage_rule(), OnOutage::Deny);
    // The next text starts again from what the code says.
    live.change_by_toml("[limits.default]\nlimit = 9").expect("it is right");
    assert_eq!((live.or_default("api").limit(), live.or_default("search").limit()), (1_000, 9));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_changes_nothing() {
    let live = live();
    let text = "[limits]\napi = { limit = 0, period = 'soon', outage = 2, deadline = '9ms' }\nnone = {}\nlogin = { limt = 3 }";
    let error = live.change_by_toml(text).expect_err("it is wrong");
    let all = error.to_string();
    for part in [
        "limits.api.limit: expected a whole number from 1",
        "limits.api.period: expected a time",
        "limits.api.outage: expected",
        "limits.api.deadline: expected \"command\" or \"adaptive\"",
        "limits.none: there is no such policy; known are api, login, default",
        "limits.login.limt: there is no such field, did you mean limit?",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    assert_eq!(error.problems().len(), 6);
    assert_eq!(live.or_default("api").limit(), 1_000);
    assert!(live.change_by_toml("limits = 3").is_err());
    let told = |text: &str| live.change_by_toml(text).expect_err("it is wrong").to_string();
    assert!(told("\n[limits").starts_with("line 2: "), "{}", told("\n[limits"));
    assert!(told(&"[".repeat(100_000)).len() < 200);
    assert!(told("[limits]\napi = 1").contains("expected a table with `limit`"));
}

#[tokio::test]
async fn followed_file_is_read_again_when_it_changes() {
    let file = std::env::temp_dir().join(format!("redstart-limits-{}.toml", std::process::id()));
    let (live, store) = (live(), Store::memory());
    live.follow(&store, file.clone(), Duration::from_millis(1));
    for limit in [3, 8] {
        std::fs::write(&file, format!("[limits.api]\nlimit = {limit}")).expect("it can be written");
        let read = async {
            while live.or_default("api").limit() != limit {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), read).await.expect("it is read");
    }
    std::fs::remove_file(&file).expect("it is there");
}
