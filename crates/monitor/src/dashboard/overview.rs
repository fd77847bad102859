//! What an operator asks first.

use redstart_connection::names;

use super::{
    panel::{Curve, Panel, Shape, unit_of_alert},
    sections::{ONLY, RATE},
};
use crate::{
    Alert, AlertTable, Query, Selector,
    metrics_table::{BREAKER_STATE, HEALTH_SCORE, UP},
    query::Promql,
};

/// Numbers for the present, and a curve for the question of every alert.
pub(super) fn panels(alerts: &AlertTable) -> Vec<Panel> {
    let number = |title: &str, description: &str, unit, query: &Query| Panel {
        title: title.to_owned(),
        description: description.to_owned(),
        unit,
        shape: Shape::Number,
        curves: vec![Curve::new(written(query), title)],
        bounds: Vec::new(),
        is_floor: false,
    };
    let of = Selector::of;
    let operations = of(&format!("{}_count", names::OPERATION_SECONDS));
    let rate = Query::PerMinute(operations);
    let mut panels = vec![
        number("Answers", "Whether Redis answers every process.", "bool_yes_no", &Query::Least(of(UP))),
        number(
            "Health",
            "The worst score that a process gives, 0 to 100.",
            "short",
            &Query::Least(of(HEALTH_SCORE)),
        ),
        number(
            "Alerts",
            "Whether an alert fires in any process.",
            "bool_yes_no",
            &Query::Largest(of(names::ALERTS_FIRING)),
        ),
        number("Breaker", "0 closed, 1 half open, 2 open.", "short", &Query::Largest(of(BREAKER_STATE))),
        number(
            "Standby",
            "Servers in whose place memory answers.",
            "short",
            &Query::Largest(of(names::STANDBY_ACTIVE)),
        ),
        number("Operations per minute", "Of all processes together.", "short", &rate),
    ];
    panels.extend(alerts.iter().map(curve));
    panels
}

fn curve(alert: &Alert) -> Panel {
    Panel {
        title: alert.name.clone(),
        description: format!("Wrong when {}. {}", alert.problem, alert.remedy),
        unit: unit_of_alert(alert.unit),
        shape: Shape::Curve,
        curves: vec![Curve::new(written(&alert.query), alert.name.as_str())],
        bounds: alert.bounds.iter().map(|bound| (bound.severity, bound.threshold)).collect(),
        is_floor: alert.is_floor,
    }
}

/// A curve has no least number of events: few of them are still better seen than a gap.
fn written(query: &Query) -> String {
    let query = match query.clone() {
        Query::Share { of, all, .. } => Query::Share { of, all, least: 0 },
        query => query,
    };
    Promql { window: RATE, by: "", only: ONLY }.write(&query)
}
