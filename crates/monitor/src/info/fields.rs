//! The lines of `INFO`.

use std::{collections::HashMap, str::FromStr};

/// `name:value` lines, whatever sections they stand in.
pub(crate) struct Fields<'a> {
    lines: Vec<(&'a str, &'a str)>,
    by_name: HashMap<&'a str, &'a str>,
}

impl<'a> Fields<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let lines: Vec<_> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(':'))
            .collect();
        Self { by_name: lines.iter().copied().collect(), lines }
    }

    /// Every line, in the server's order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.lines.iter().copied()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    pub(crate) fn optional<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    pub(crate) fn number<T: FromStr + Default>(&self, name: &str) -> T {
        self.optional(name).unwrap_or_default()
    }
}

/// The parts of a value such as `keys=3,expires=1`.
pub(crate) fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}
