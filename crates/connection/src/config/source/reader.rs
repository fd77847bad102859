//! Reads one source and notes every problem on the way.

use std::{borrow::Cow, collections::HashMap, str::FromStr, time::Duration};

use secrecy::SecretString;

use super::{Label, Raw, Source};
use crate::config::{Problem, Variable, problem::shown};

/// Reads one source and notes every problem on the way, under the names that variables have.
pub(super) struct Reader<'a> {
    source: &'a dyn Source,
    labels: HashMap<&'static str, Label>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, labels: HashMap::new(), problems: source.problems().to_vec() }
    }

    /// Any text; whoever reports a problem with it knows whether it may be shown.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.raw(name)? {
            Raw::Loose(text) | Raw::Text(text) => Some(text),
            _ => self.refuse(name, "is no text", "a text in quotes"),
        }
    }

    /// One of several words, in whatever case.
    pub(super) fn word(&mut self, name: &'static str) -> Option<String> {
        self.text(name).map(|text| text.trim().to_ascii_lowercase())
    }

    pub(super) fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    pub(super) fn number<T: FromStr>(&mut self, name: &'static str, right: &'static str) -> Option<T> {
        match self.raw(name)? {
            Raw::Loose(text) | Raw::Number(text) => match text.trim().parse() {
                Ok(number) => Some(number),
                Err(_) => self.refuse(name, format!("is {}", shown(&text)), right),
            },
            _ => self.refuse(name, "is no number", right),
        }
    }

    pub(super) fn port(&mut self, name: &'static str) -> Option<u16> {
        match self.raw(name)? {
            Raw::Loose(text) if text.starts_with("tcp://") => {
                let what = "is what Kubernetes says of a service of that name";
                self.refuse(name, what, "`enableServiceLinks: false` in the pod, or a port")
            }
            Raw::Loose(text) | Raw::Number(text) => match text.trim().parse() {
                Ok(port) if port != 0 => Some(port),
                _ => self.refuse(name, format!("is {}", shown(&text)), "a port such as 6379"),
            },
            _ => self.refuse(name, "is no number", "a port such as 6379"),
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.raw(name)? {
            Raw::Flag(flag) => Some(flag),
            Raw::Loose(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => self.refuse(name, format!("is {}", shown(&text)), "true or false"),
            },
            _ => self.refuse(name, "is neither true nor false", "true or false"),
        }
    }

    /// A duration such as `250ms`; where types are loose also a bare number of `unit`.
    pub(super) fn duration(&mut self, name: &'static str, unit: Duration) -> Option<Duration> {
        let right = "a duration such as \"250ms\", \"5s\" or \"1h 30m\"";
        let raw = self.raw(name)?;
        let bare = match &raw {
            Raw::Loose(text) => text.trim().parse::<u32>().ok(),
            _ => None,
        };
        match raw {
            Raw::Loose(text) | Raw::Text(text) => {
                let read = bare.map(|count| unit.saturating_mul(count));
                let read = read.or_else(|| humantime::parse_duration(text.trim()).ok());
                read.or_else(|| self.refuse(name, format!("is {}", shown(&text)), right))
            }
            Raw::Number(number) => self.refuse(name, format!("is {number} of no unit"), right),
            _ => self.refuse(name, "is no duration", right),
        }
    }

    /// Several texts, in a variable separated by commas.
    pub(super) fn list(&mut self, name: &'static str) -> Option<Vec<String>> {
        match self.raw(name)? {
            Raw::Loose(text) | Raw::Text(text) => {
                let parts = text.split(',').filter(|part| !part.trim().is_empty());
                Some(parts.map(str::to_owned).collect())
            }
            Raw::List(texts) => Some(texts),
            _ => self.refuse(name, "is no list of texts", "a list such as [\"10.0.0.1:6379\"]"),
        }
    }

    /// Notes that two settings of this source say different things.
    pub(super) fn differs(&mut self, name: &'static str, from: &'static str) {
        self.problem(name, format!("differs from {from}"), "the same value, or only one of them");
    }

    pub(super) fn problem(
        &mut self,
        name: &'static str,
        what: impl Into<Cow<'static, str>>,
        right: impl Into<Cow<'static, str>>,
    ) {
        self.problems.push(Problem::new(name, what, right));
    }

    /// Notes a problem, and that there is no value.
    pub(super) fn refuse<T>(
        &mut self,
        name: &'static str,
        what: impl Into<Cow<'static, str>>,
        right: impl Into<Cow<'static, str>>,
    ) -> Option<T> {
        self.problem(name, what, right);
        None
    }

    /// What was read under which name, and what was wrong with it.
    pub(super) fn finish(self) -> (HashMap<&'static str, Label>, Vec<Problem>) {
        (self.labels, self.problems)
    }

    fn raw(&mut self, name: &'static str) -> Option<Raw> {
        let mut given = self.source.given(Variable::named(name)?).into_iter();
        let first = given.next()?;
        for other in given.filter(|other| other.raw != first.raw) {
            let what = format!("differs from {}", first.label.name);
            self.problems.push(Problem::new(other.label.name, what, "the same value, or only one of them"));
        }
        self.labels.insert(name, first.label);
        match first.raw {
            Raw::Garbled => self.refuse(name, "is not UTF-8", "a text in UTF-8"),
            raw => Some(raw),
        }
    }
}
