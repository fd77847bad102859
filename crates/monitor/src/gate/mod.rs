//! The promotion gate: whether what was measured lets a release go on.

mod attested;
mod criteria;
mod instances;
mod prometheus;
mod report;

use std::{fmt, time::Duration};

use http::Uri;

pub use self::{
    attested::Attested,
    criteria::{Criteria, Criterion, InvalidCriteria},
    report::{GateReport, GateRow, Verdict},
};
use crate::client;

/// Where the evidence is read.
#[derive(Clone, Debug)]
pub struct Evidence(Source);

#[derive(Clone, Debug)]
enum Source {
    Instances { pages: Vec<Uri>, every: Duration },
    Prometheus { base: Uri, only: String },
}

/// An address where evidence should be read is not right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidEvidence(String);

impl Evidence {
    /// The metrics of these instances, read this often for as long as the longest criterion holds.
    ///
    /// Each address is that of an instance, with or without `/metrics` at its end.
    ///
    /// # Errors
    ///
    /// Fails when there is none, or one makes no sense.
    pub fn of_instances<'a>(
        addresses: impl IntoIterator<Item = &'a str>,
        every: Duration,
    ) -> Result<Self, InvalidEvidence> {
        let page = |address: &str| {
            let page = address.trim_end_matches('/').trim_end_matches("/metrics");
            parse(&format!("{page}/metrics"))
        };
        let pages = addresses.into_iter().map(page).collect::<Result<Vec<_>, _>>()?;
        if pages.is_empty() {
            return Err(InvalidEvidence("no instance is named".to_owned()));
        }
        Ok(Self(Source::Instances { pages, every: every.max(Duration::from_millis(100)) }))
    }

    /// What a Prometheus at this address has recorded of a job, or of all jobs.
    ///
    /// # Errors
    ///
    /// Fails when the address makes no sense.
    pub fn of_prometheus(address: &str, job: Option<&str>) -> Result<Self, InvalidEvidence> {
        let base = parse(address.trim_end_matches('/'))?;
        let only = job.map(|job| format!("job=\"{}\"", job.replace(['\\', '"'], "")));
        Ok(Self(Source::Prometheus { base, only: only.unwrap_or_default() }))
    }
}

impl Criteria {
    /// Judges every criterion by this evidence.
    ///
    /// With a Prometheus it answers at once, from what that has recorded; with instances it watches them,
    /// and calls `progress` with the share of the time that has passed.
    /// It never fails: evidence that can't be had is a reason not to go on.
    pub async fn judge(&self, evidence: &Evidence, progress: impl FnMut(f64)) -> GateReport {
        let mut rows = match &evidence.0 {
            Source::Instances { pages, every } => instances::judge(self, pages, *every, progress).await,
            Source::Prometheus { base, only } => prometheus::judge(self, base, only).await,
        };
        rows.extend(self.attested().iter().map(Attested::judge));
        GateReport { rows }
    }
}

fn parse(address: &str) -> Result<Uri, InvalidEvidence> {
    let wrong = |why: &dyn fmt::Display| InvalidEvidence(format!("{address}: {why}"));
    let uri: Uri = address.parse().map_err(|error: http::uri::InvalidUri| wrong(&error))?;
    client::check(&uri).map_err(|why| wrong(&why))?;
    Ok(uri)
}

impl fmt::Display for InvalidEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidEvidence {}

#[cfg(test)]
mod tests;
