//! Every metric, in the section where one looks for it.

use super::panel::{Curve, Panel, Shape, unit_of_metric};
use crate::{Metric, MetricKind, MetricUnit, Origin};

/// What is chosen at the top of the dashboard.
pub(super) const ONLY: &str = "job=~\"$job\",instance=~\"$instance\"";
/// How far back rates look: Grafana chooses by the scrape interval.
pub(super) const RATE: &str = "$__rate_interval";

/// Metrics that are looked at together.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// What the names begin with; a metric belongs to the first section that fits.
    prefixes: &'static [&'static str],
}

/// Each metric is in one of them, since the last takes all.
pub(super) const SECTIONS: &[Section] = &[
    Section { title: "Caches", prefixes: &["redstart_cache_"] },
    Section { title: "Rate limits", prefixes: &["redstart_ratelimit_", "rate_limit_", "limiter_"] },
    Section { title: "Locks", prefixes: &["redstart_lock_"] },
    Section {
        title: "State",
        prefixes: &["redstart_idempotency_", "redstart_session_", "redstart_counter_", "redstart_job"],
    },
    Section { title: "Requests", prefixes: &["http_"] },
    Section { title: "Monitoring", prefixes: &["redstart_alert", "redstart_health_", "redstart_label"] },
    Section {
        title: "Connection and operations",
        prefixes: &["redstart_", "redis_connections_", "redis_pool_"],
    },
    Section { title: "Server", prefixes: &[""] },
];

impl Section {
    pub(super) fn holds(&self, name: &str) -> bool {
        let first = SECTIONS.iter().find(|section| section.fits(name));
        first.is_some_and(|first| first.title == self.title)
    }

    fn fits(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// The panel of a metric.
pub(super) fn panel(metric: &Metric) -> Panel {
    let Metric { name, kind, unit, labels, help, .. } = metric;
    let (by, legend) = (labels.join(", "), legend(labels));
    let curves = match kind {
        MetricKind::Counter if by.is_empty() => {
            vec![Curve::new(format!("sum(rate({name}{{{ONLY}}}[{RATE}]))"), *name)]
        }
        MetricKind::Counter => {
            vec![Curve::new(format!("sum by ({by}) (rate({name}{{{ONLY}}}[{RATE}]))"), legend)]
        }
        // What the server says, all processes say alike; what a process says is its own.
        MetricKind::Gauge if metric.origin == Origin::Recorded && !by.is_empty() => {
            vec![Curve::new(format!("sum by ({by}) ({name}{{{ONLY}}})"), legend)]
        }
        MetricKind::Gauge => {
            let legend =
                if by.is_empty() { "{{instance}}".to_owned() } else { format!("{{{{instance}}}} {legend}") };
            vec![Curve::new(format!("{name}{{{ONLY}}}"), legend)]
        }
        MetricKind::Histogram => {
            let quantile = |share: &str, by: &str| {
                format!("histogram_quantile({share}, sum by ({by}) (rate({name}_bucket{{{ONLY}}}[{RATE}])))")
            };
            let mut curves = vec![
                Curve::new(quantile("0.5", "le"), "p50"),
                Curve::new(quantile("0.95", "le"), "p95"),
                Curve::new(quantile("0.99", "le"), "p99"),
            ];
            if let Some(first) = labels.first() {
                curves.push(Curve::new(
                    quantile("0.95", &format!("{first}, le")),
                    format!("p95 {{{{{first}}}}}"),
                ));
            }
            curves
        }
    };
    let unit = match (kind, unit) {
        (MetricKind::Counter, MetricUnit::Bytes) => "Bps",
        (MetricKind::Counter, MetricUnit::Count) => "ops",
        // Seconds per second are a share of the time.
        (MetricKind::Counter, _) => "percentunit",
        (_, unit) => unit_of_metric(*unit),
    };
    Panel {
        title: (*name).to_owned(),
        description: (*help).to_owned(),
        unit,
        shape: Shape::Curve,
        curves,
        bounds: Vec::new(),
        is_floor: false,
    }
}

/// `{{cache}} {{tier}}`.
fn legend(labels: &[&str]) -> String {
    labels.iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" ")
}
