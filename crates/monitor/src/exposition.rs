//! The recorder and the text behind `/metrics`.

mod bounded;

use std::{fmt, time::Duration};

use metrics::SetRecorderError;
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use self::bounded::Bounded;
use crate::{METRICS, Metric, MetricKind, Monitor, Origin, metrics_table::UNTYPED};

/// Bounds of the latency buckets in seconds; a healthy Redis lives in the first three.
const BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// How often the recorder tidies up.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The metrics of the process as Prometheus text.
///
/// Of each metric at most 1,000 label sets are kept; further ones are folded into one whose labels say
/// `other`, and `redstart_metrics_overflow_total` counts them.
#[derive(Clone)]
pub struct Exposition {
    recorded: PrometheusHandle,
    monitor: Monitor,
}

/// The recorder could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("metrics: the recorder could not be installed; another one may be there already")]
pub struct InstallError(#[source] BuildError);

impl Exposition {
    /// Installs the recorder of the process, which must not have one yet.
    ///
    /// Install it before the first operation: what was measured earlier is lost.
    /// Within a runtime, the recorder's housekeeping runs in the background until the store is shut down.
    ///
    /// # Errors
    ///
    /// Fails when the process already has a recorder.
    pub fn install(monitor: &Monitor) -> Result<Self, InstallError> {
        let recorder = recorder().map_err(InstallError)?;
        let recorded = recorder.handle();
        metrics::set_global_recorder(Bounded::new(recorder)).map_err(|SetRecorderError(bounded)| {
            InstallError(SetRecorderError(bounded.into_inner()).into())
        })?;
        crate::describe();
        begin();
        let of_monitor = recorded.clone();
        monitor.read_recorded(move || of_monitor.render());
        let upkeep = recorded.clone();
        // Outside a runtime nothing is started; rendering tidies up as well.
        monitor.store().tasks().spawn("metrics.upkeep", async move {
            loop {
                tokio::time::sleep(UPKEEP_EVERY).await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self { recorded, monitor: monitor.clone() })
    }

    /// What the process has recorded alone, for monitors of other stores of the process.
    ///
    /// ```no_run
    /// # use redstart_connection::Store;
    /// # use redstart_monitor::{Exposition, InstallError, Monitor};
    /// # fn start(first: &Monitor, second: &Monitor) -> Result<(), InstallError> {
    /// let exposition = Exposition::install(first)?;
    /// second.read_recorded(move || exposition.recorded());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn recorded(&self) -> String {
        self.recorded.render()
    }

    /// All metrics: the recorded ones, and those that the monitor samples now.
    pub async fn render(&self) -> String {
        let sampled = self.monitor.sampled_text().await;
        self.recorded.run_upkeep();
        let mut text = self.recorded.render();
        declare_untyped(&mut text);
        text.push_str(&sampled);
        text
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").field("monitor", &self.monitor).finish_non_exhaustive()
    }
}

/// Shows what has no labels from the start, so that what never happened is zero and not unknown.
fn begin() {
    let is_plain = |metric: &&Metric| metric.origin == Origin::Recorded && metric.labels.is_empty();
    for metric in METRICS.iter().filter(is_plain) {
        match metric.kind {
            MetricKind::Counter => metrics::counter!(metric.name).increment(0),
            MetricKind::Gauge => metrics::gauge!(metric.name).increment(0.0),
            MetricKind::Histogram => {}
        }
    }
}

/// Declares as the table does what the recorder declares by the kind alone.
fn declare_untyped(text: &mut String) {
    for Metric { name, .. } in METRICS.iter().filter(|metric| metric.declared() == UNTYPED) {
        let declared = format!("# TYPE {name} counter");
        if let Some(at) = text.find(&declared) {
            text.replace_range(at..at + declared.len(), &format!("# TYPE {name} {UNTYPED}"));
        }
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let histograms = METRICS.iter().filter(|metric| metric.kind == MetricKind::Histogram);
    let builder = histograms.into_iter().try_fold(PrometheusBuilder::new(), |builder, metric| {
        builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), BUCKETS)
    })?;
    Ok(builder.build_recorder())
}

#[cfg(test)]
mod tests;
