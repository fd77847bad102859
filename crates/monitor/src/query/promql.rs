//! The same question in the language of Prometheus.

use std::fmt::Write as _;

use super::{Query, Selector};
use crate::metrics_table::UP;

/// How questions are written as PromQL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promql<'a> {
    /// How far back rates look: `5m`.
    pub(crate) window: &'a str,
    /// The labels by which answers are kept apart, separated by commas; none for one answer.
    pub(crate) by: &'a str,
    /// More conditions on every sample: `job="shop"`.
    pub(crate) only: &'a str,
}

impl Promql<'_> {
    /// The question as an expression.
    pub(crate) fn write(&self, query: &Query) -> String {
        match query {
            Query::Largest(of) => self.folded("max", of),
            Query::Least(of) => self.folded("min", of),
            Query::Quotient(of, all) => {
                format!("{} / ({} > 0)", self.folded("max", of), self.folded("max", all))
            }
            Query::Share { of, all, least } => {
                let (part, whole) = (self.grown("rate", of), self.grown("rate", all));
                // What never happened has no series; that is a share of nothing, and not no share.
                let share = format!("({part} or {whole} * 0) / {whole}");
                if *least == 0 {
                    return share;
                }
                format!("{share} and {} >= {least}", self.grown("increase", all))
            }
            Query::PerMinute(of) => format!("({} or {}) * 60", self.grown("rate", of), self.nothing()),
            Query::Increase(of) => self.increase(of),
            Query::Quantile(share, of) => {
                let buckets = self.each(of, "_bucket", |range| format!("rate({range})"));
                let by = if self.by.is_empty() { "le".to_owned() } else { format!("{}, le", self.by) };
                format!("histogram_quantile({share}, sum by ({by}) ({buckets}))")
            }
            Query::SecondsAtZero(of) => {
                let (levels, window) = (self.folded("min", of), self.window);
                format!("count_over_time(({levels} == 0)[{window}:5s]) * 5 or {levels} * 0")
            }
        }
    }

    /// A counter that is new counts with what it shows: it began at zero before anybody looked.
    fn increase(&self, of: &Selector) -> String {
        let window = self.window;
        let name = |name| self.selected(of, name, "");
        let parts: Vec<_> = of
            .names()
            .map(|of| {
                let name = name(of);
                format!("(increase({name}[{window}]) > 0 or ({name} unless {name} offset {window}))")
            })
            .collect();
        format!("{} or {}", self.sum(&parts), self.nothing())
    }

    /// Zero wherever somebody is measured at all: what never happened has no series.
    fn nothing(&self) -> String {
        format!("{} * 0", self.folded("max", &Selector::of(UP)))
    }

    fn folded(&self, fold: &str, of: &Selector) -> String {
        let levels = self.instants(of);
        if self.by.is_empty() {
            format!("{fold}({levels})")
        } else {
            format!("{fold} by ({}) ({levels})", self.by)
        }
    }

    fn grown(&self, function: &str, of: &Selector) -> String {
        let parts: Vec<_> = of
            .names()
            .map(|name| format!("{function}({}[{}])", self.selected(of, name, ""), self.window))
            .collect();
        self.sum(&parts)
    }

    fn sum(&self, parts: &[String]) -> String {
        let sums = parts.iter().map(|part| {
            if self.by.is_empty() { format!("sum({part})") } else { format!("sum by ({}) ({part})", self.by) }
        });
        let sums: Vec<_> = sums.collect();
        if let [one] = sums.as_slice() { one.clone() } else { format!("({})", sums.join(" + ")) }
    }

    fn instants(&self, of: &Selector) -> String {
        of.names().map(|name| self.selected(of, name, "")).collect::<Vec<_>>().join(" or ")
    }

    fn each(&self, of: &Selector, suffix: &str, write: impl Fn(&str) -> String) -> String {
        let ranges = of.names().map(|name| format!("{}[{}]", self.selected(of, name, suffix), self.window));
        ranges.map(|range| write(&range)).collect::<Vec<_>>().join(" or ")
    }

    /// One metric with the conditions of the selector and those of every sample.
    fn selected(&self, of: &Selector, name: &str, suffix: &str) -> String {
        let mut text = format!("{name}{suffix}");
        let only = Some(self.only.to_owned()).filter(|only| !only.is_empty());
        let conditions: Vec<_> = only.into_iter().chain(of.conditions()).collect();
        if !conditions.is_empty() {
            // Writing to a String cannot fail.
            let _written = write!(text, "{{{}}}", conditions.join(","));
        }
        text
    }
}
