use std::collections::BTreeSet;

use super::*;
use crate::{ServerInfo, Window};

fn facts(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts {
        reach: Reach::Answered,
        latency: Some(Duration::from_micros(400)),
        server: Some(ServerInfo::default()),
        window: Some(Window::default()),
        ..Facts::default()
    };
    change(&mut facts);
    facts
}

fn server(change: impl FnOnce(&mut ServerInfo)) -> Facts {
    facts(|facts| change(facts.server.as_mut().unwrap()))
}

/// The names of the broken rules, the score, and the status.
fn check(facts: &Facts, broken: &[(&str, Severity)], score: u8, status: HealthStatus) {
    let health = Health::judge(facts, Rfc3339::default());
    let found: Vec<_> = health.issues.iter().map(|issue| (issue.rule, issue.severity)).collect();
    assert_eq!((found.as_slice(), health.score, health.status), (broken, score, status));
    assert_eq!(health.recommendations.len(), health.issues.len());
}

#[test]
fn nothing_wrong_is_healthy() {
    check(&facts(|_| {}), &[], 100, HealthStatus::Healthy);
}

#[test]
fn silence_is_unhealthy() {
    let silent =
        Facts { latency: None, server: None, window: None, reach: Reach::Silent, ..Facts::default() };
    check(&silent, &[("unreachable", Severity::Critical)], 0, HealthStatus::Unhealthy);
    assert!(!Health::judge(&silent, Rfc3339::default()).reachable);
}

#[test]
fn a_loading_server_is_unhealthy() {
    let loading = Facts { reach: Reach::Loading, ..Facts::default() };
    check(&loading, &[("loading", Severity::Critical)], 40, HealthStatus::Unhealthy);
    let loading = server(|info| info.persistence.loading = true);
    check(&loading, &[("loading", Severity::Critical)], 40, HealthStatus::Unhealthy);
}

#[test]
fn server_that_evicts_is_wrong_for_locks_alone() {
    let evicting = |policy: &str, limit, relies| {
        facts(|facts| {
            facts.status.relies_on_keeping = relies;
            let memory = &mut facts.server.as_mut().unwrap().memory;
            (memory.policy, memory.limit) = (policy.to_owned(), limit);
        })
    };
    let told = [("evicts-coordination", Severity::Warning)];
    check(&evicting("allkeys-lru", Some(100), true), &told, 80, HealthStatus::Degraded);
    check(&evicting("volatile-ttl", Some(100), true), &told, 80, HealthStatus::Degraded);
    check(&evicting("allkeys-lru", Some(100), false), &[], 100, HealthStatus::Healthy);
    check(&evicting("allkeys-lru", None, true), &[], 100, HealthStatus::Healthy);
    check(&evicting("noeviction", Some(100), true), &[], 100, HealthStatus::Healthy);
}

#[test]
fn memory_has_two_bounds_and_counts_once() {
    let used = |used| {
        server(|info| {
            info.memory.used = used;
            info.memory.limit = Some(100);
        })
    };
    check(&used(80), &[], 100, HealthStatus::Healthy);
    check(&used(81), &[("memory", Severity::Warning)], 85, HealthStatus::Degraded);
    check(&used(86), &[("memory", Severity::Critical)], 70, HealthStatus::Degraded);
}

#[test]
fn a_hit_rate_has_a_floor() {
    let rate =
        |hits| facts(|facts| facts.window = Some(Window { hits, misses: 1_000 - hits, ..Window::default() }));
    check(&rate(900), &[], 100, HealthStatus::Healthy);
    check(&rate(899), &[("hit-rate", Severity::Warning)], 90, HealthStatus::Degraded);
    check(&rate(699), &[("hit-rate", Severity::Critical)], 75, HealthStatus::Degraded);
}

#[test]
fn the_worst_comes_first() {
    let facts = facts(|facts| {
        facts.latency = Some(Duration::from_millis(11));
        let info = facts.server.as_mut().unwrap();
        info.persistence.append_failed = true;
        info.persistence.snapshot_failed = true;
        info.replication.lag = Some(Duration::from_secs(11));
    });
    let expected = [
        ("append-only-file", Severity::Critical),
        ("snapshot", Severity::Warning),
        ("latency", Severity::Warning),
        ("replica-lag", Severity::Warning),
    ];
    check(&facts, &expected, 35, HealthStatus::Unhealthy);
}

#[test]
fn the_connection_is_judged_too() {
    let full = facts(|facts| {
        (facts.status.in_flight, facts.status.permits) = (90, 100);
        (facts.status.lanes, facts.status.connected) = (2, 1);
    });
    check(&full, &[("pool", Severity::Warning), ("lanes", Severity::Warning)], 80, HealthStatus::Degraded);
    let overloaded = facts(|facts| facts.reach = Reach::Overloaded);
    check(&overloaded, &[("pool", Severity::Critical)], 70, HealthStatus::Degraded);
}

#[test]
fn a_server_that_keeps_its_state_to_itself_is_degraded() {
    check(&facts(|facts| facts.server = None), &[("no-info", Severity::Warning)], 95, HealthStatus::Degraded);
}

#[test]
fn a_message_names_value_and_bound() {
    let slow = facts(|facts| facts.latency = Some(Duration::from_micros(12_340)));
    let health = Health::judge(&slow, Rfc3339::default());
    assert_eq!(health.issues[0].message, "a PING takes long: 12.3 ms, at most 10.0 ms");
    let json = serde_json::to_value(&health).unwrap();
    assert_eq!((&json["status"], &json["grade"]), (&"degraded".into(), &"A".into()));
    assert_eq!(json["latencyMs"], 12.34);
    assert_eq!(json["issues"][0]["severity"], "warning");
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_bound() {
    let names: BTreeSet<_> = rules().iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), rules().len());
    for rule in rules() {
        assert!(rule.advice.or(rule.warning).or(rule.critical).is_some(), "{rule:?}");
        assert!(rule.remedy.ends_with('.') && !rule.problem.ends_with('.'), "{rule:?}");
    }
}

#[test]
fn the_fixtures_get_the_grades_that_an_operator_would_give() {
    let grade = |text: &str| {
        let info = ServerInfo::parse(text);
        Health::judge(&facts(|facts| facts.server = Some(info)), Rfc3339::default()).grade
    };
    assert_eq!(grade(include_str!("../info/fixtures/redis-7.0.txt")), Grade::A);
    assert_eq!(grade(include_str!("../info/fixtures/redis-8.2.txt")), Grade::D);
    // A replica without its primary, where a primary should be.
    assert_eq!(grade(include_str!("../info/fixtures/valkey-8.1.txt")), Grade::F);
}

mod examined {
    use std::{collections::BTreeMap, sync::Arc};

    use redstart_connection::Timestamp;

    use super::*;
    use crate::{Admission, Check, CheckVerdict, Examination, Examined, Exposure, Told};

    const HOUR: u64 = 3_600;
    const NOW: u64 = 1_800_000_000;

    fn examination(settings: &[(&str, &str)], change: impl FnOnce(&mut Facts, &mut Examined)) -> Examination {
        let settings: BTreeMap<String, String> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut examined = Examined::default();
        examined.inspection.settings = Told::Known(settings);
        let mut facts = facts(|facts| facts.now = Timestamp::from_micros(NOW * 1_000_000));
        change(&mut facts, &mut examined);
        facts.examined = Some(Arc::new(examined));
        Examination::judge(facts, &[])
    }

    fn found<'a>(examination: &'a Examination, rule: &str) -> &'a Check {
        examination.checks.iter().find(|check| check.rule == rule).unwrap()
    }

    fn snapshot(save: &str, age_in_hours: u64, changes: u64) -> CheckVerdict {
        let examination = examination(&[("save", save), ("appendonly", "no")], |facts, _| {
            let persistence = &mut facts.server.as_mut().unwrap().persistence;
            persistence.last_snapshot = NOW - age_in_hours * HOUR;
            persistence.unsaved_changes = changes;
        });
        found(&examination, "snapshot-age").verdict
    }

    #[test]
    fn age_of_a_snapshot_counts_where_something_has_changed() {
        assert_eq!(snapshot("300 1", 25, 7), CheckVerdict::Passed);
        assert_eq!(snapshot("300 1", 27, 7), CheckVerdict::Warning);
        assert_eq!(snapshot("300 1", 73, 7), CheckVerdict::Critical);
        assert_eq!(snapshot("300 1", 73, 0), CheckVerdict::Passed);
        assert_eq!(snapshot("", 73, 7), CheckVerdict::Unseen);
    }

    #[test]
    fn strangers_are_worse_from_elsewhere() {
        let admitted = |local| {
            let examination = examination(&[], |facts, examined| {
                facts.status.mode = "standalone";
                examined.exposure.local = local;
                examined.exposure.anonymous = Told::Known(Admission::Admitted);
            });
            found(&examination, "stranger").verdict
        };
        assert_eq!((admitted(true), admitted(false)), (CheckVerdict::Advice, CheckVerdict::Critical));
    }

    #[test]
    fn what_nobody_sees_is_never_kept() {
        let silent = Examination::judge(Facts::default(), &[]);
        for check in &silent.checks {
            let is_honest =
                check.verdict != CheckVerdict::Passed || ["breaker", "pool-exhausted"].contains(&check.rule);
            assert!(is_honest, "{check:?}");
        }
        assert!(silent.has_findings() && !silent.is_reachable());
    }

    #[test]
    fn plain_text_is_fine_at_home_alone() {
        let verdict = |encrypted, local| {
            let examination = examination(&[], |facts, examined| {
                facts.status.mode = "standalone";
                examined.exposure = Exposure { encrypted, local, ..Exposure::default() };
            });
            found(&examination, "plain-text").verdict
        };
        assert_eq!(verdict(false, false), CheckVerdict::Warning);
        assert_eq!(verdict(true, false), CheckVerdict::Passed);
        assert_eq!(verdict(false, true), CheckVerdict::Passed);
    }
}
