//! Lines over time or over another figure.

use serde::Serialize;

/// Lines over a common axis.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// What the axis below counts, such as `s`.
    pub(crate) x_unit: &'static str,
    /// What the lines count, such as `ms`.
    pub(crate) unit: &'static str,
    pub(crate) scale: Scale,
    pub(crate) x: Vec<f64>,
    pub(crate) lines: Vec<Line>,
}

/// How the axis beside the lines is divided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scale {
    /// Evenly from zero.
    Linear,
    /// By powers of ten, for times that differ by much.
    Log,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    label: String,
    /// None where nothing was measured.
    values: Vec<Option<f64>>,
}

impl Chart {
    pub(crate) fn new(
        title: impl Into<String>,
        x_unit: &'static str,
        unit: &'static str,
        x: Vec<f64>,
    ) -> Self {
        Self { title: title.into(), x_unit, unit, scale: Scale::Linear, x, lines: Vec::new() }
    }

    pub(crate) const fn logarithmic(mut self) -> Self {
        self.scale = Scale::Log;
        self
    }

    /// Adds a line; one on which nothing was measured is left out.
    pub(crate) fn line(mut self, label: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        let values: Vec<_> = values.collect();
        if values.iter().any(Option::is_some) {
            self.lines.push(Line { label: label.to_owned(), values });
        }
        self
    }
}
