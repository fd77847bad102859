use std::time::Duration;

use super::PolicyTable;
use crate::Policy;

const API: Policy = Policy::per_hour("api", 1_000);
const RESET: Policy = Policy::per_hour("password-reset", 3).burst(2);

fn changed(variables: &[(&str, &str)]) -> Result<PolicyTable, Vec<String>> {
    let table = PolicyTable::new(&[API, RESET]).overridden_by(variables.iter().copied());
    table.map_err(|invalid| invalid.problems().to_vec())
}

fn limit(variables: &[(&str, &str)], name: &str) -> (u32, Duration) {
    let table = changed(variables).expect("the variables are right");
    let policy = table.or_default(name);
    (policy.limit(), policy.period())
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn variables_change_limit_and_period() {
    assert_eq!(limit(&[], "api"), (1_000, seconds(3_600)));
    assert_eq!(limit(&[("RATE_LIMIT_API", "5")], "api"), (5, seconds(3_600)));
    assert_eq!(limit(&[("RATE_LIMIT_API", "5/15m")], "api"), (5, seconds(900)));
    assert_eq!(limit(&[("RATE_LIMIT_PASSWORD_RESET", " 7 / 1d ")], "password-reset"), (7, seconds(86_400)));
    assert_eq!(limit(&[("RATE_LIMIT_API", "9/min")], "api"), (9, seconds(60)));
}

#[test]
fn default_stands_in_for_unknown_names() {
    assert_eq!(limit(&[], "search"), (100, seconds(60)));
    assert_eq!(limit(&[("RATE_LIMIT_DEFAULT", "7/s")], "search"), (7, seconds(1)));
    let own = PolicyTable::new(&[Policy::per_second("default", 9)]);
    assert_eq!(own.or_default("search").limit(), 9);
}

#[test]
fn burst_and_other_policies_stay() {
    let table =
        changed(&[("RATE_LIMIT_PASSWORD_RESET", "9"), ("PATH", "/bin")]).expect("the variables are right");
    assert_eq!(table.get("password-reset").and_then(Policy::stated_burst), Some(2));
    assert_eq!(table.get("api").map(Policy::limit), Some(1_000));
    assert_eq!(table.iter().count(), 3);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let problems = changed(&[
        ("RATE_LIMIT_APY", "5"),
        ("RATE_LIMIT_API", "many"),
        ("RATE_LIMIT_DEFAULT", "0"),
        ("RATE_LIMIT_PASSWORD_RESET", "5/fortnight"),
    ]);
    let problems = problems.expect_err("all four are wrong");
    assert_eq!(
        problems,
        [
            "RATE_LIMIT_APY: there is no such policy, did you mean RATE_LIMIT_API? \
             known are RATE_LIMIT_API, RATE_LIMIT_PASSWORD_RESET, RATE_LIMIT_DEFAULT",
            "RATE_LIMIT_API: expected a limit like `100` or `5/15m`, \
             a whole number from 1 to 4294967295, got \"many\"",
            "RATE_LIMIT_DEFAULT: expected a limit like `100` or `5/15m`, \
             a whole number from 1 to 4294967295, got \"0\"",
            "RATE_LIMIT_PASSWORD_RESET: expected after the slash a time of at most 100 years, \
             such as \"30s\", \"15m\", \"1h\" or \"1d\", got \"5/fortnight\"",
        ]
    );
}

#[test]
fn doubled_name_is_told() {
    let table = PolicyTable::new(&[API, RESET, API]).overridden_by([("", "")]);
    assert_eq!(table.expect_err("api comes twice").problems().len(), 1);
}

#[test]
fn values_out_of_bounds_are_refused() {
    let limit = "a limit like `100` or `5/15m`, a whole number from 1 to 4294967295";
    let period = "after the slash a time of at most 100 years, such as \"30s\", \"15m\", \"1h\" or \"1d\"";
    let wrong = [
        ("", limit),
        ("-1", limit),
        ("1.5", limit),
        ("+", limit),
        ("4294967296", limit),
        ("/", limit),
        ("0/1m", limit),
        ("5/", period),
        ("5/0s", period),
        ("5/-1s", period),
        ("5/1.5s", period),
        ("5/1w", period),
        ("5/101000d", period),
        ("1/2/3", period),
    ];
    for (value, expected) in wrong {
        let problems = changed(&[("RATE_LIMIT_API", value)]).expect_err(value);
        assert_eq!(problems, [format!("RATE_LIMIT_API: expected {expected}, got {value:?}")]);
    }
    let problems = changed(&[("RATE_LIMIT_API", &"9".repeat(1_000_000))]).expect_err("it is too long");
    assert!(problems[0].ends_with(", got \"99999999999999999999999999999999…\""), "{problems:?}");
    let far = changed(&[("RATE_LIMIT_PAYMENT", "5")]).expect_err("nobody meant api");
    assert!(far[0].starts_with("RATE_LIMIT_PAYMENT: there is no such policy; known are "), "{far:?}");
}
