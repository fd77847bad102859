//! The text format of Prometheus.

use std::fmt::Write as _;

use crate::METRICS;

/// A page of samples, family by family.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    /// Adds one sample; those of one family must follow each other.
    pub(crate) fn sample(&mut self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        if self.family != name {
            self.family = name;
            self.header(name);
        }
        self.text.push_str(name);
        for (nth, (label, value)) in labels.iter().enumerate() {
            self.text.push_str(if nth == 0 { "{" } else { "," });
            self.write(format_args!("{label}=\"{}\"", escape(value)));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.write(format_args!(" {value}\n"));
    }

    /// Adds one sample of a whole number.
    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floating-point numbers")]
    pub(crate) fn whole(&mut self, name: &'static str, labels: &[(&str, &str)], value: u64) {
        self.sample(name, labels, value as f64);
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn header(&mut self, name: &str) {
        if let Some(metric) = METRICS.iter().find(|metric| metric.name == name) {
            self.write(format_args!("# HELP {name} {}\n# TYPE {name} {}\n", metric.help, metric.declared()));
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _written = self.text.write_fmt(text);
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
