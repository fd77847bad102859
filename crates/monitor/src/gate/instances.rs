//! Evidence from the metrics of instances, watched for as long as it takes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri};
use redstart_connection::Clock;

use super::{Criteria, Criterion, GateRow, Verdict};
use crate::{
    client,
    query::Meter,
    scrape::{Ledger, Sample},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// A page with 10⁵ series is smaller.
const LONGEST_PAGE: usize = 64 * 1024 * 1024;
/// Of ten readings one may be lost.
const LEAST_READ: f64 = 0.9;

/// What was seen of one criterion.
struct Watch<'a> {
    criterion: &'a Criterion,
    meter: Meter,
    worst: Option<f64>,
    answers: u32,
}

/// What was seen of one instance.
struct Instance<'a> {
    page: &'a Uri,
    ledger: Ledger,
    failures: u32,
    last_failure: String,
}

pub(super) async fn judge(
    criteria: &Criteria,
    pages: &[Uri],
    every: Duration,
    mut progress: impl FnMut(f64),
) -> Vec<GateRow> {
    let clock = Clock::system();
    let length = criteria.iter().map(|criterion| criterion.hold).max().unwrap_or_default();
    let mut watches: Vec<_> = criteria.iter().map(Watch::new).collect();
    let mut instances: Vec<_> = pages.iter().map(Instance::new).collect();
    let names: Vec<_> = criteria.iter().flat_map(|criterion| criterion.query.names()).collect();
    let begun = clock.instant();
    let mut readings = 0;
    loop {
        let mut samples = Vec::new();
        for instance in &mut instances {
            samples.extend(instance.read(&names).await);
        }
        readings += 1;
        let now = clock.instant();
        for watch in &mut watches {
            watch.add(now, &samples);
        }
        let passed = now.duration_since(begun);
        if passed >= length {
            progress(1.0);
            break;
        }
        progress(passed.as_secs_f64() / length.as_secs_f64());
        tokio::time::sleep(every.min(length.saturating_sub(passed))).await;
    }
    let watched = instances.iter().map(|instance| instance.row(readings));
    watched.chain(watches.iter().map(|watch| watch.row(readings))).collect()
}

impl<'a> Instance<'a> {
    fn new(page: &'a Uri) -> Self {
        Self { page, ledger: Ledger::default(), failures: 0, last_failure: String::new() }
    }

    async fn read(&mut self, names: &[String]) -> Vec<Sample> {
        match fetch(self.page).await.and_then(|page| {
            let is_wanted = |name: &str| names.iter().any(|wanted| wanted == name);
            let read = self.ledger.read(&page, is_wanted);
            read.map_err(|unreadable| format!("line {}: {}", unreadable.line, unreadable.problem))
        }) {
            Ok(samples) => samples,
            Err(why) => {
                self.failures += 1;
                self.last_failure = why;
                Vec::new()
            }
        }
    }

    fn row(&self, readings: u32) -> GateRow {
        let read = readings - self.failures;
        let is_enough = f64::from(read) >= LEAST_READ * f64::from(readings);
        let failure =
            if self.failures > 0 { format!("; last: {}", self.last_failure) } else { String::new() };
        GateRow {
            name: self.page.authority().map(ToString::to_string).unwrap_or_default(),
            question: "Could its metrics be read?".to_owned(),
            verdict: if is_enough { Verdict::Go } else { Verdict::NoEvidence },
            bound: "at least 90 % read".to_owned(),
            evidence: format!("{read} of {readings} read{failure}"),
        }
    }
}

impl<'a> Watch<'a> {
    fn new(criterion: &'a Criterion) -> Self {
        let meter = Meter::new(criterion.query.clone(), criterion.window);
        Self { criterion, meter, worst: None, answers: 0 }
    }

    fn add(&mut self, now: Instant, samples: &[Sample]) {
        // What no instance tells is no answer, and not the answer zero.
        if samples.is_empty() {
            return;
        }
        self.meter.add(now, samples);
        let Some(value) = self.meter.value() else { return };
        self.answers += 1;
        self.worst = Some(self.worst.map_or(value, |worst| self.criterion.worse(worst, value)));
    }

    fn row(&self, readings: u32) -> GateRow {
        let Criterion { name, question, unit, hold, .. } = self.criterion;
        let (verdict, evidence) = match self.worst {
            None => (Verdict::NoEvidence, format!("no answer in {readings} readings")),
            Some(worst) => {
                let holds = self.criterion.admits(worst);
                let verdict = if holds { Verdict::Go } else { Verdict::NoGo };
                let hold = humantime::format_duration(*hold);
                (verdict, format!("at worst {} over {hold}, {} answers", unit.show(worst), self.answers))
            }
        };
        GateRow {
            name: name.clone(),
            question: question.clone(),
            verdict,
            bound: self.criterion.shown(),
            evidence,
        }
    }
}

async fn fetch(page: &Uri) -> Result<String, String> {
    let request = Request::get(page).body(Bytes::new()).map_err(|error| error.to_string())?;
    let reply = client::send(request, PATIENCE, LONGEST_PAGE).await.map_err(|failure| failure.to_string())?;
    if !reply.status.is_success() {
        return Err(format!("it answered {}", reply.status.as_u16()));
    }
    String::from_utf8(reply.body.to_vec()).map_err(|_| "what it answered is no text".to_owned())
}
