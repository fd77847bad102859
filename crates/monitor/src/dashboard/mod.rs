//! A dashboard for Grafana, made from the table of metrics and the table of alerts.

mod overview;
mod panel;
mod sections;

use serde_json::{Value, json};

use self::panel::{Panel, Shape};
use crate::{AlertTable, METRICS};

/// Grafana divides a dashboard into so many columns.
const COLUMNS: u32 = 24;
/// How many rows a panel is high.
const HEIGHT: u32 = 8;

/// A dashboard for Grafana 9 or later, as JSON that it imports or is provisioned with.
///
/// It opens with what an operator asks first, with the bounds of `alerts` drawn in; below are all metrics
/// of the toolkit, one panel each, in folded rows.
/// The data source, the job and the instance are chosen at its top.
///
/// ```
/// let dashboard = redstart_monitor::dashboard(&redstart_monitor::AlertTable::default());
/// assert_eq!(dashboard["title"], "Redstart");
/// ```
#[must_use]
pub fn dashboard(alerts: &AlertTable) -> Value {
    let mut grid = Grid::default();
    grid.row("Overview");
    for panel in overview::panels(alerts) {
        grid.panel(&panel);
    }
    for section in sections::SECTIONS {
        let metrics = METRICS.iter().filter(|metric| section.holds(metric.name));
        let panels: Vec<_> = metrics.map(sections::panel).collect();
        grid.folded(section.title, &panels);
    }
    json!({
        "title": "Redstart",
        "uid": "redstart",
        "description": "Redis as the services see it, and as it sees itself.",
        "tags": ["redis", "redstart"],
        "schemaVersion": 39,
        "version": 1,
        "editable": false,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "browser",
        "templating": { "list": [
            {
                "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
                "current": {}, "hide": 0,
            },
            variable("job", "label_values(redis_up, job)"),
            variable("instance", "label_values(redis_up{job=~\"$job\"}, instance)"),
        ] },
        "panels": grid.panels,
    })
}

fn variable(name: &str, query: &str) -> Value {
    json!({
        "name": name, "label": name, "type": "query", "datasource": panel::datasource(),
        "query": { "query": query, "refId": name }, "definition": query,
        "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".+",
        "current": { "text": "All", "value": "$__all" }, "hide": 0,
    })
}

/// Lays panels out from the left to the right, and from the top to the bottom.
#[derive(Debug, Default)]
struct Grid {
    panels: Vec<Value>,
    next_id: u32,
    left: u32,
    top: u32,
}

impl Grid {
    /// A heading with what follows in sight.
    fn row(&mut self, title: &str) {
        self.break_line();
        let row = self.heading(title, false, &[]);
        self.panels.push(row);
        self.top += 1;
    }

    /// A heading that hides what is below it until somebody asks.
    fn folded(&mut self, title: &str, panels: &[Panel]) {
        self.break_line();
        let mut inner = Self { top: self.top + 1, next_id: self.next_id + 1, ..Self::default() };
        for panel in panels {
            inner.panel(panel);
        }
        let row = self.heading(title, true, &inner.panels);
        self.panels.push(row);
        self.next_id = inner.next_id;
        self.top += 1;
    }

    fn panel(&mut self, panel: &Panel) {
        let width = match panel.shape {
            Shape::Number => COLUMNS / 6,
            Shape::Curve => COLUMNS / 3,
        };
        if self.left + width > COLUMNS {
            self.break_line();
        }
        self.next_id += 1;
        let place = json!({ "h": HEIGHT, "w": width, "x": self.left, "y": self.top });
        self.panels.push(panel.to_json(self.next_id, &place));
        self.left += width;
    }

    fn heading(&mut self, title: &str, collapsed: bool, panels: &[Value]) -> Value {
        self.next_id += 1;
        json!({
            "id": self.next_id, "type": "row", "title": title, "collapsed": collapsed, "panels": panels,
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": self.top },
        })
    }

    fn break_line(&mut self) {
        if self.left > 0 {
            (self.left, self.top) = (0, self.top + HEIGHT);
        }
    }
}

#[cfg(test)]
mod tests;
