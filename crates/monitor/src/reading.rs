//! The metrics of a running service, read from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, Instant},
};

use redstart_connection::Clock;

use crate::{
    Alert, AlertTable, HttpFailure, HttpRequest, HttpTarget, Query, Selector, Severity,
    alerts::message,
    query::Meter,
    scrape::{Ledger, Sample},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// A page with 10⁵ series is smaller.
const LONGEST_PAGE: usize = 64 * 1024 * 1024;

/// The metrics of a running service, read page by page.
///
/// What counters grew by is told from the second page on.
///
/// ```
/// use redstart_monitor::{AlertTable, Reading, Selector};
///
/// let reading = Reading::of("http://127.0.0.1:3000", &AlertTable::default())?;
/// assert_eq!(reading.sum(&Selector::of("redis_up")), None);
/// # Ok::<(), redstart_monitor::HttpFailure>(())
/// ```
#[derive(Debug)]
pub struct Reading {
    target: HttpTarget,
    ledger: Ledger,
    judged: Vec<(Alert, Meter)>,
    /// Every series as the last page had it, with what it grew by since the first.
    series: BTreeMap<String, Sample>,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// An alert that would fire if it stayed as it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Broken {
    /// Which.
    pub alert: Alert,
    /// How bad it is.
    pub severity: Severity,
    /// What was measured.
    pub value: f64,
    /// The bound that it is beyond.
    pub threshold: f64,
}

impl Reading {
    /// The metrics of the service at this address, with or without `/metrics` at its end, judged by `table`.
    ///
    /// # Errors
    ///
    /// Fails when the address makes no sense.
    pub fn of(address: &str, table: &AlertTable) -> Result<Self, HttpFailure> {
        let base = address.trim_end_matches('/').trim_end_matches("/metrics");
        let judged = table.iter().map(|alert| (alert.clone(), Meter::new(alert.query.clone(), alert.window)));
        Ok(Self {
            target: HttpTarget::new(base, 1)?,
            ledger: Ledger::default(),
            judged: judged.collect(),
            series: BTreeMap::new(),
            first: None,
            last: None,
        })
    }

    /// Reads the next page.
    ///
    /// # Errors
    ///
    /// Fails when the service does not answer, or with something that is no page of metrics.
    pub async fn read(&mut self) -> Result<(), HttpFailure> {
        let request =
            HttpRequest { method: "GET".to_owned(), path: "/metrics".to_owned(), ..HttpRequest::default() };
        let reply = self.target.send(request, PATIENCE, LONGEST_PAGE).await?;
        if reply.status != 200 {
            return Err(HttpFailure::Broken(format!("/metrics answered {}", reply.status)));
        }
        self.take(&String::from_utf8_lossy(&reply.body), Clock::system().instant())
    }

    fn take(&mut self, page: &str, now: Instant) -> Result<(), HttpFailure> {
        let samples = self.ledger.read(page, |_| true).map_err(|unreadable| {
            let (line, problem) = (unreadable.line, unreadable.problem);
            HttpFailure::Broken(format!("line {line} of /metrics makes no sense: {problem}"))
        })?;
        for (_, meter) in &mut self.judged {
            meter.add(now, &samples);
        }
        for mut sample in samples {
            let name = format!("{}{:?}", sample.name, sample.labels);
            let before = self.series.get(&name).and_then(|sample| sample.growth);
            let grown = sample.growth.into_iter().chain(before).reduce(|one, other| one + other);
            sample.growth = grown;
            self.series.insert(name, sample);
        }
        self.first.get_or_insert(now);
        self.last = Some(now);
        Ok(())
    }

    /// How long it has been read.
    #[must_use]
    pub fn watched(&self) -> Duration {
        self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| last.duration_since(first))
    }

    /// What these series show together; none where there is none.
    #[must_use]
    pub fn sum(&self, of: &Selector) -> Option<f64> {
        self.admitted(of).map(|sample| sample.value).reduce(|one, other| one + other)
    }

    /// What these counters grew by since the first page, together; none where nothing tells.
    #[must_use]
    pub fn grown(&self, of: &Selector) -> Option<f64> {
        self.admitted(of).filter_map(|sample| sample.growth).reduce(|one, other| one + other)
    }

    /// The value that this share of a histogram's observations since the first page does not exceed; of all
    /// observations while there are no new ones.
    #[must_use]
    pub fn quantile(&self, share: f64, of: &Selector) -> Option<f64> {
        let mut meter = Meter::new(Query::Quantile(share, of.clone()), Duration::MAX);
        let buckets = |value: fn(&Sample) -> Option<f64>| {
            let of = self.series.values();
            of.map(|sample| Sample { growth: value(sample), ..sample.clone() }).collect::<Vec<_>>()
        };
        let now = self.last?;
        meter.add(now, &buckets(|sample| sample.growth));
        meter.value().or_else(|| {
            let mut meter = Meter::new(Query::Quantile(share, of.clone()), Duration::MAX);
            meter.add(now, &buckets(|sample| Some(sample.value)));
            meter.value()
        })
    }

    /// The values that a label of a metric has.
    #[must_use]
    pub fn labels(&self, metric: &str, label: &str) -> BTreeSet<String> {
        let of = self.series.values().filter(|sample| sample.name == metric);
        of.filter_map(|sample| sample.label(label)).map(str::to_owned).collect()
    }

    /// The alerts whose bounds are broken now, whatever time they would have to be; of each its worst bound.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        let worst = |(alert, meter): &(Alert, Meter)| {
            let value = meter.value()?;
            let beyond = alert.bounds.iter().filter(|bound| {
                if alert.is_floor { value < bound.threshold } else { bound.threshold < value }
            });
            let bound = beyond.max_by_key(|bound| bound.severity)?;
            Some(Broken { alert: alert.clone(), severity: bound.severity, value, threshold: bound.threshold })
        };
        self.judged.iter().filter_map(worst).collect()
    }

    fn admitted(&self, of: &Selector) -> impl Iterator<Item = &Sample> {
        self.series.values().filter(|sample| of.admits(sample, ""))
    }
}

impl Broken {
    /// What is wrong, in a sentence.
    #[must_use]
    pub fn message(&self) -> String {
        message(&self.alert, Some(self.value), self.threshold)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(pages: &[&str]) -> Reading {
        let mut reading = Reading::of("http://127.0.0.1:1/metrics", &AlertTable::default()).unwrap();
        let begin = Clock::system().instant();
        for (number, page) in (0..).zip(pages) {
            reading.take(page, begin + Duration::from_secs(number)).unwrap();
        }
        reading
    }

    #[test]
    fn counters_tell_what_they_grew_by_and_gauges_what_they_show() {
        let reads = "redstart_cache_reads_total";
        let page = |hits, misses| {
            format!(
                "redis_up 1\n{reads}{{cache=\"user\",result=\"hit\"}} {hits}\n{reads}{{cache=\"user\",result=\"miss\"}} {misses}\n"
            )
        };
        let read = reading(&[&page(10, 10), &page(13, 10), &page(19, 11)]);
        let of = |result| Selector::of(reads).with("result", &[result]);
        assert_eq!((read.grown(&of("hit")), read.grown(&of("miss"))), (Some(9.0), Some(1.0)));
        assert_eq!(
            (read.sum(&Selector::of(reads)), read.sum(&Selector::of("redis_up"))),
            (Some(30.0), Some(1.0))
        );
        assert_eq!(read.labels(reads, "cache"), BTreeSet::from(["user".to_owned()]));
        assert_eq!((read.watched(), read.sum(&Selector::of("other"))), (Duration::from_secs(2), None));
    }

    #[test]
    fn quantiles_are_of_what_is_new_and_otherwise_of_everything() {
        let page = |fast, slow| {
            format!(
                "t_bucket{{le=\"1\"}} {fast}\nt_bucket{{le=\"2\"}} {slow}\nt_bucket{{le=\"+Inf\"}} {slow}\n"
            )
        };
        let quantile = |pages: &[&str]| reading(pages).quantile(0.5, &Selector::of("t"));
        assert_eq!(quantile(&[&page(100, 100), &page(100, 110)]), Some(1.5));
        assert_eq!(quantile(&[&page(100, 100)]), Some(0.5));
    }

    #[test]
    fn bounds_that_are_broken_are_told_with_the_worst_severity() {
        let page = "redis_memory_usage 90\nredis_memory_max 100\nredis_up 1\n";
        let broken = reading(&[page]).broken();
        let [memory] = &broken[..] else { panic!("{broken:?}") };
        assert_eq!((memory.severity, memory.value), (Severity::Critical, 0.9));
        assert!(memory.message().contains("90"), "{memory}");
    }
}
