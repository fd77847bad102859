//! The rules of Grafana's own dashboard-linter that concern a dashboard like this one.

use std::collections::BTreeSet;

use super::*;
use crate::Alert;

fn built() -> Value {
    dashboard(&AlertTable::default().with(Alert::cache_hit_rate("postcodes", 0.8)))
}

/// Every panel that shows something, also those in folded rows.
fn shown(dashboard: &Value) -> Vec<Value> {
    let all = |panels: &Value| panels.as_array().unwrap().clone();
    let panels = all(&dashboard["panels"]).into_iter();
    let panels =
        panels.flat_map(|panel| if panel["type"] == "row" { all(&panel["panels"]) } else { vec![panel] });
    panels.collect()
}

#[test]
fn every_panel_says_what_it_shows() {
    for panel in shown(&built()) {
        let text = |name: &str| panel[name].as_str().unwrap_or_default().to_owned();
        assert!(!text("title").is_empty() && !text("description").is_empty(), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{panel}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains("job=~\"$job\",instance=~\"$instance\""), "{expression}");
            let is_rate = expression.contains("rate(") || expression.contains("increase(");
            assert_eq!(is_rate, expression.contains("[$__rate_interval]"), "{expression}");
            assert!(target["legendFormat"].is_string() && target["refId"].is_string(), "{target}");
        }
    }
}

#[test]
fn every_metric_and_every_alert_has_a_panel() {
    let titles: BTreeSet<_> =
        shown(&built()).iter().map(|panel| panel["title"].as_str().unwrap().to_owned()).collect();
    for metric in METRICS {
        assert!(titles.contains(metric.name), "{}", metric.name);
    }
    for alert in &AlertTable::default() {
        assert!(titles.contains(&alert.name), "{}", alert.name);
    }
    assert!(titles.contains("hit-rate-postcodes"));
}

#[test]
fn every_panel_has_a_place_and_a_number_of_its_own() {
    let dashboard = built();
    let mut ids = BTreeSet::new();
    let (mut rows, mut taken) = (0, BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = &panel["gridPos"];
        let (left, width) = (place["x"].as_u64().unwrap(), place["w"].as_u64().unwrap());
        assert!(left + width <= u64::from(COLUMNS));
        assert!(taken.insert((place["y"].as_u64(), left)), "{panel}");
        rows += u32::from(panel["type"] == "row");
        for inner in panel["panels"].as_array().into_iter().flatten() {
            assert!(ids.insert(inner["id"].as_u64().unwrap()), "{inner}");
        }
    }
    assert_eq!(rows as usize, sections::SECTIONS.len() + 1);
}

#[test]
fn the_source_the_job_and_the_instance_can_be_chosen() {
    let dashboard = built();
    let variables: Vec<_> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| &variable["name"])
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
    assert!(dashboard["uid"].as_str().unwrap().len() <= 40);
    assert_eq!(dashboard["editable"], false);
}

#[test]
fn bounds_are_drawn_from_below() {
    let dashboard = built();
    let panels = shown(&dashboard);
    let steps = |title: &str| {
        let panel = panels.iter().find(|panel| panel["title"] == title).unwrap();
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap().clone();
        steps
            .into_iter()
            .map(|step| (step["color"].as_str().unwrap().to_owned(), step["value"].as_f64()))
            .collect::<Vec<_>>()
    };
    let step = |colour: &str, value| (colour.to_owned(), value);
    assert_eq!(steps("memory"), [step("green", None), step("orange", Some(0.8)), step("red", Some(0.85))]);
    assert_eq!(steps("hit-rate"), [step("red", None), step("orange", Some(0.7)), step("green", Some(0.9))]);
}
