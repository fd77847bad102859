//! One panel, and its form in Grafana's JSON.

use serde_json::{Value, json};

use crate::{MetricUnit, Severity, Unit};

/// One panel.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) description: String,
    /// What Grafana calls the unit.
    pub(super) unit: &'static str,
    pub(super) shape: Shape,
    pub(super) curves: Vec<Curve>,
    /// The bounds to draw in, and whether what lies below them is wrong.
    pub(super) bounds: Vec<(Severity, f64)>,
    pub(super) is_floor: bool,
}

/// What a panel looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// The last value, large.
    Number,
    /// Values over time.
    Curve,
}

/// What is drawn, and what it is called.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) expression: String,
    pub(super) legend: String,
}

impl Curve {
    pub(super) fn new(expression: String, legend: impl Into<String>) -> Self {
        Self { expression, legend: legend.into() }
    }
}

impl Panel {
    pub(super) fn to_json(&self, id: u32, place: &Value) -> Value {
        let letters = ["A", "B", "C", "D", "E", "F"];
        let targets: Vec<_> = self
            .curves
            .iter()
            .zip(letters)
            .map(|(Curve { expression, legend }, letter)| {
                json!({
                    "refId": letter, "expr": expression, "legendFormat": legend, "datasource": datasource(),
                    "instant": self.shape == Shape::Number, "range": self.shape == Shape::Curve,
                })
            })
            .collect();
        let (kind, options) = match self.shape {
            Shape::Number => (
                "stat",
                json!({
                    "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                    "colorMode": "value", "graphMode": "none",
                }),
            ),
            Shape::Curve => (
                "timeseries",
                json!({
                    "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
                    "tooltip": { "mode": "multi", "sort": "desc" },
                }),
            ),
        };
        json!({
            "id": id,
            "type": kind,
            "title": self.title,
            "description": self.description,
            "gridPos": place,
            "datasource": datasource(),
            "options": options,
            "fieldConfig": { "defaults": {
                "unit": self.unit,
                "thresholds": { "mode": "absolute", "steps": self.steps() },
                "custom": { "thresholdsStyle": { "mode": if self.bounds.is_empty() { "off" } else { "dashed" } } },
            }, "overrides": [] },
            "targets": targets,
        })
    }

    /// The bounds as colours from the lowest value up.
    fn steps(&self) -> Value {
        let colour = |severity: &Severity| match severity {
            Severity::Advice => "blue",
            Severity::Warning => "orange",
            Severity::Critical => "red",
        };
        let step = |colour: &str, value: Option<f64>| json!({ "color": colour, "value": value });
        if !self.is_floor {
            let above = self.bounds.iter().map(|(severity, value)| step(colour(severity), Some(*value)));
            return std::iter::once(step("green", None)).chain(above).collect();
        }
        // Below a floor is wrong: each colour reaches up to its bound.
        let mut steps = Vec::new();
        let mut from = None;
        for (severity, value) in self.bounds.iter().rev() {
            steps.push(step(colour(severity), from));
            from = Some(*value);
        }
        steps.push(step("green", from));
        Value::Array(steps)
    }
}

/// The data source that is chosen at the top of the dashboard.
pub(super) fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// What Grafana calls the unit of an alert.
pub(super) const fn unit_of_alert(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Ratio => "percentunit",
        Unit::Bytes => "bytes",
        Unit::Truth => "bool",
        _ => "short",
    }
}

/// What Grafana calls the unit of a metric.
pub(super) const fn unit_of_metric(unit: MetricUnit) -> &'static str {
    match unit {
        MetricUnit::Seconds => "s",
        MetricUnit::Bytes => "bytes",
        MetricUnit::Ratio => "percentunit",
        MetricUnit::Count => "short",
    }
}
