//! Rules, panels and our page of metrics, read by the real promtool.

mod cases;
mod tool;

use std::{collections::BTreeSet, fs, time::Duration};

use redstart_cache::Cache;
use redstart_connection::Store;
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_lock::Locks;
use redstart_monitor::{
    Alert, AlertSettings, AlertTable, Exposition, METRICS, Monitor, alert_rules, dashboard,
};
use redstart_ratelimit::{Limiter, OnOutage, Policy, Subject};
use serde_json::Value;

use self::cases::CASES;
use crate::support::store;

fn table() -> AlertTable {
    AlertTable::default().with(Alert::cache_hit_rate("postcode", 0.8))
}

#[test]
fn promtool_accepts_the_rules() {
    let Some(tool) = tool::promtool() else { return };
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.yml");
    fs::write(&rules, alert_rules(&table())).unwrap();
    let said = tool.run(&["check", "rules", "--lint-fatal", rules.to_str().unwrap()]).unwrap();
    let bounds: usize = table().iter().map(|alert| alert.bounds.len()).sum();
    assert!(said.contains(&format!("SUCCESS: {bounds} rules found")), "{said}");

    fs::write(&rules, alert_rules(&table()).replace("max by (job)", "max by job")).unwrap();
    assert!(tool.run(&["check", "rules", rules.to_str().unwrap()]).is_err(), "it does look at the questions");
}

#[test]
fn every_rule_fires_when_it_should_and_is_silent_otherwise() {
    let Some(tool) = tool::promtool() else { return };
    for alert in &AlertTable::default() {
        for bound in &alert.bounds {
            let of_it = |fires| {
                let mut cases = CASES.iter().filter(|case| case.fires == fires);
                cases.any(|case| case.alert == alert.name && case.severity == bound.severity.name())
            };
            assert!(of_it(true) && of_it(false), "{} {:?} has no case", alert.name, bound.severity);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (rules, tests) = (folder.path().join("rules.yml"), folder.path().join("tests.yml"));
    fs::write(&rules, alert_rules(&AlertTable::default())).unwrap();
    fs::write(&tests, cases::file("rules.yml", CASES)).unwrap();
    tool.run(&["test", "rules", tests.to_str().unwrap()]).unwrap_or_else(|said| panic!("{said}"));

    // With its bound out of reach nothing fires, and promtool says so.
    fs::write(&rules, alert_rules(&AlertTable::default()).replace("> 0.85 ", "> 8.5 ")).unwrap();
    assert!(tool.run(&["test", "rules", tests.to_str().unwrap()]).is_err());
}

#[test]
fn promtool_understands_every_panel() {
    let Some(tool) = tool::promtool() else { return };
    let dashboard = dashboard(&table());
    let mut expressions = BTreeSet::new();
    collect(&dashboard["panels"], &mut expressions);
    assert!(expressions.len() > METRICS.len(), "{}", expressions.len());
    let mut rules = String::from("groups:\n  - name: panels\n    rules:\n");
    for (nth, expression) in expressions.iter().enumerate() {
        let expression = expression
            .replace("$__rate_interval", "5m")
            .replace("$job", ".+")
            .replace("$instance", ".+")
            .replace('\'', "''");
        rules += &format!("      - record: panel:{nth}\n        expr: '{expression}'\n");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    fs::write(&file, rules).unwrap();
    let said = tool.run(&["check", "rules", file.to_str().unwrap()]).unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains(&format!("SUCCESS: {} rules found", expressions.len())), "{said}");
}

/// Every expression of the panels, also of those in folded rows.
fn collect(panels: &Value, expressions: &mut BTreeSet<String>) {
    for panel in panels.as_array().into_iter().flatten() {
        collect(&panel["panels"], expressions);
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.insert(target["expr"].as_str().unwrap().to_owned());
        }
    }
}

const USER: Entity<TextId> = Entity::new(Category::Cache, "account").ttl(Ttl::hours(1));
const JOB: Entity<TextId> = Entity::new(Category::Lock, "job").ttl(Ttl::minutes(5));
/// What no page of metrics may ever name.
const PERSON: &str = "ada@example.org";

/// A process that has used what there is, as the person whose name must not be told.
async fn used(store: &Store) {
    let person: TextId = PERSON.parse().unwrap();
    let accounts = Cache::<TextId, String>::new(store, &USER);
    accounts.set(&person, &PERSON.to_owned()).await.unwrap();
    assert!(accounts.get(&person).await.unwrap().is_some());
    accounts.invalidate(&person).await.unwrap();
    let limiter = Limiter::new(store.clone());
    let policy = Policy::per_minute("login", 1).on_outage(OnOutage::Allow);
    for _ in 0..3 {
        drop(limiter.check(&policy, Subject::from(PERSON)).await);
    }
    let guard = Locks::new(store.clone()).lock(&JOB.key(&person)).acquire().await.unwrap();
    guard.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_our_page_and_no_person_is_named() {
    let store = store();
    let monitor = Monitor::new(store.clone());
    let Ok(exposition) = Exposition::install(&monitor) else {
        println!("skipped: another test of this process has its recorder; cargo-nextest gives each its own");
        return;
    };
    let alerts = AlertSettings::new(&monitor).with_exposition(&exposition).start();
    used(&store).await;
    // Its server is away: limits are decided by their outage rule, and this is counted under its old name.
    let away = redstart_connection::Config::from_url("redis://127.0.0.1:9/0").unwrap();
    let away = Store::lazy(&away.with_connect_timeout(Duration::from_millis(10))).unwrap();
    let open = Policy::per_minute("login", 1).on_outage(OnOutage::Allow);
    drop(Limiter::new(away).check(&open, Subject::from(PERSON)).await);
    alerts.judge().await;

    let page = exposition.render().await;
    for expected in [
        "redstart_cache_reads_total{",
        "redstart_ratelimit_decisions_total{",
        "redstart_lock_hold_seconds_bucket{",
        "limiter_redis_errors{",
        "redis_memory_usage ",
    ] {
        assert!(page.contains(expected), "{expected} is missing in\n{page}");
    }
    assert!(!page.contains("ada") && !page.contains("example.org"), "{page}");
    for line in page.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name} is not in the table");
    }
    let Some(tool) = tool::promtool() else { return };
    tool.read(&["check", "metrics"], &page).unwrap_or_else(|said| panic!("{said}"));
    let wrong = page.replace("# TYPE limiter_redis_errors untyped", "# TYPE limiter_redis_errors counter");
    assert!(tool.read(&["check", "metrics"], &wrong).is_err(), "it does look at the names");
}
