use std::time::Duration;

use super::*;

const API: Policy = Policy::per_hour("api", 1_000);
const RESET: Policy = Policy::per_hour("password-reset", 3).burst(2);

fn changed(text: &str) -> Result<PolicyTable, Vec<String>> {
    let table = PolicyTable::new(&[API, RESET]).changed_by_toml(text);
    table.map_err(|invalid| invalid.problems().to_vec())
}

/// What the table says of `api` when its file says this.
fn api(fields: &str) -> Policy {
    *changed(&format!("[limits.api]\n{fields}")).expect("the file is right").or_default("api")
}

#[test]
fn fields_change_what_they_say() {
    let changed =
        api("limit = 5\nperiod = ' 15m '\nburst = 9\noutage = 'deny'\ndeadline = 'adaptive'\ntrial = true");
    let by_code = Policy::per("api", 5, Duration::from_secs(900)).burst(9).on_outage(OnOutage::Deny);
    assert_eq!(changed.outage_rule(), OnOutage::Deny);
    assert!(changed.counts_like(&by_code) && changed.is_on_trial());
    assert_eq!(changed.patience(), Patience::Adaptive);
    assert!(api("").counts_like(&API));
    let local = |share| OnOutage::Local { share };
    for (said, rule) in
        [("'allow'", OnOutage::Allow), ("0.25", local(0.25)), ("1", local(1.0)), ("1.0", local(1.0))]
    {
        assert_eq!(api(&format!("outage = {said}")).outage_rule(), rule, "{said}");
    }
    assert_eq!(api("limit = 4294967295").limit(), u32::MAX);
}

#[test]
fn each_wrong_field_is_named_with_its_value_and_what_would_be_right() {
    let count = "a whole number from 1 to 4294967295";
    let period = "a time of at most 100 years, such as \"30s\", \"15m\", \"1h\" or \"1d\"";
    let outage = "\"allow\", \"deny\", or a share above 0 and at most 1";
    let deadline = "\"command\" or \"adaptive\"";
    let trial = "true or false";
    let wrong = [
        ("limit = 0", count, "0"),
        ("limit = -1", count, "-1"),
        ("limit = 4294967296", count, "4294967296"),
        ("limit = 1.5", count, "1.5"),
        ("limit = 'many'", count, "\"many\""),
        ("limit = true", count, "true"),
        ("limit = [1]", count, "an array"),
        ("limit.at = 1", count, "a table"),
        ("burst = 0", count, "0"),
        ("burst = -9223372036854775808", count, "-9223372036854775808"),
        ("burst = inf", count, "inf"),
        ("period = 60", period, "60"),
        ("period = ''", period, "\"\""),
        ("period = '0s'", period, "\"0s\""),
        ("period = '-1s'", period, "\"-1s\""),
        ("period = '1w'", period, "\"1w\""),
        ("period = '101000d'", period, "\"101000d\""),
        ("period = '99999999999999999999d'", period, "\"99999999999999999999d\""),
        ("period = 1979-05-27", period, "1979-05-27"),
        ("outage = 'Deny'", outage, "\"Deny\""),
        ("outage = 0", outage, "0"),
        ("outage = 2", outage, "2"),
        ("outage = -0.5", outage, "-0.5"),
        ("outage = nan", outage, "nan"),
        ("outage = true", outage, "true"),
        ("outage.rule = 'deny'", outage, "a table"),
        ("deadline = 'fast'", deadline, "\"fast\""),
        ("deadline = 25", deadline, "25"),
        ("trial = 'yes'", trial, "\"yes\""),
        ("trial = 1", trial, "1"),
    ];
    for (line, expected, got) in wrong {
        let field = line.split([' ', '.']).next().unwrap();
        let problems = changed(&format!("[limits.api]\n{line}")).expect_err(line);
        assert_eq!(problems, [format!("limits.api.{field}: expected {expected}, got {got}")]);
    }
}

#[test]
fn everything_wrong_in_a_file_is_told_at_once() {
    let text = "
        [limits.api]
        limit = -1
        limt = 5
        period = 60
        trial = 'yes'
        [limits.password-reset]
        burst = 0
        [limits.serach]
        limit = 1
        [limits.pasword-reset]
        [limits]
        default = 5
    ";
    let count = "expected a whole number from 1 to 4294967295";
    let period = "expected a time of at most 100 years, such as \"30s\", \"15m\", \"1h\" or \"1d\"";
    assert_eq!(
        changed(text).expect_err("hardly anything is right"),
        [
            format!("limits.api.limit: {count}, got -1"),
            "limits.api.limt: there is no such field, did you mean limit? \
             known are limit, period, burst, outage, deadline, trial"
                .to_owned(),
            format!("limits.api.period: {period}, got 60"),
            "limits.api.trial: expected true or false, got \"yes\"".to_owned(),
            "limits.default: expected a table with `limit`, `period` and the like, got 5".to_owned(),
            format!("limits.password-reset.burst: {count}, got 0"),
            "limits.pasword-reset: there is no such policy, did you mean password-reset? \
             known are api, password-reset, default"
                .to_owned(),
            "limits.serach: there is no such policy; known are api, password-reset, default".to_owned(),
        ]
    );
}

#[test]
fn wrong_tables_are_told() {
    let told = [
        ("limits = 5", "limits: expected a table of policies, got 5"),
        ("[[limits]]", "limits: expected a table of policies, got an array"),
        ("[[limits.api]]", "limits.api: expected a table with `limit`, `period` and the like, got an array"),
        ("[limits.api]\nlimit 5", "line 2: "),
        ("[limits.api]\n[limits.api]", "line 2: "),
    ];
    for (text, problem) in told {
        let problems = changed(text).expect_err(text);
        assert!(problems.len() == 1 && problems[0].starts_with(problem), "{problems:?}");
        assert!(problem != "line 2: " || problems[0].len() > problem.len(), "{problems:?}");
    }
}

#[test]
fn slip_in_the_name_of_the_table_is_told() {
    for table in ["limit", "Limits", "LIMITS", "limts", "lmiits"] {
        let problems = changed(&format!("[{table}.api]\nlimit = 5")).expect_err(table);
        assert_eq!(problems, [format!("{table}: policies stand in the table `limits`, not in `{table}`")]);
    }
    let both = changed("[limits.api]\nlimit = 0\n[limit.default]\nlimit = 5").expect_err("both are wrong");
    assert_eq!(both.len(), 2);
}

#[test]
fn tables_of_others_are_passed_by() {
    for text in [
        "",
        "[redis]\nurl = 'redis://127.0.0.1'",
        "[limit]\nmemory = '1g'",
        "[units.meter]\nname = 'm'",
        "[quotas.api]\nlimit = 1",
        "limit = 5",
        "[other.limits.api]\nlimit = 0",
    ] {
        let table = changed(text).expect(text);
        assert!(table.or_default("api").counts_like(&API), "{text}");
    }
}
