//! What a page of metrics says, and by how much its counters grew.

mod line;

use std::collections::HashMap;

use crate::{METRICS, Origin};

/// One sample of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// By how much it grew since the page before; none on the first page that has it.
    pub(crate) growth: Option<f64>,
}

/// A line of a page that is no sample.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unreadable {
    /// Its number, the first is 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) problem: &'static str,
}

/// The pages of one process: remembers what its counters were.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    known: HashMap<String, f64>,
    pages: u64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

impl Ledger {
    /// Reads the next page; of its samples, those whose name is wanted.
    ///
    /// A counter that fell was started again, and grew by what it is now.
    pub(crate) fn read(
        &mut self,
        page: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Sample>, Unreadable> {
        let mut samples = Vec::new();
        for (index, text) in page.lines().enumerate() {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') || !is_wanted(line::name(text)) {
                continue;
            }
            let unreadable = |problem| Unreadable { line: index + 1, problem };
            let line::Line { series, name, labels, value } = line::parse(text).map_err(unreadable)?;
            let growth = self.grown(series, name, value);
            samples.push(Sample { name: name.to_owned(), labels, value, growth });
        }
        self.pages += 1;
        Ok(samples)
    }

    fn grown(&mut self, series: &str, name: &str, value: f64) -> Option<f64> {
        if let Some(known) = self.known.get_mut(series) {
            let before = std::mem::replace(known, value);
            return Some(if value < before { value } else { value - before });
        }
        self.known.insert(series.to_owned(), value);
        // A counter of the process itself begins when it first counts; the server's are older than this look.
        let is_older = METRICS.iter().any(|metric| metric.name == name && metric.origin == Origin::Sampled);
        (self.pages > 0 && !is_older).then_some(value)
    }
}

#[cfg(test)]
mod tests;
