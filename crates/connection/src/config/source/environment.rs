//! The environment, or whatever else answers by the names of variables.

use std::borrow::Cow;

use super::{Given, Label, Raw, Source};
use crate::config::Variable;

/// The environment, or whatever else answers by the names of variables.
pub(in crate::config) struct Environment<F>(F);

impl<F: Fn(&str) -> Option<Raw>> Environment<F> {
    /// The source that `variable` answers for.
    pub(in crate::config) const fn new(variable: F) -> Self {
        Self(variable)
    }

    /// A set variable; an empty one counts as not set.
    fn variable(&self, name: &str) -> Option<Raw> {
        (self.0)(name).filter(|raw| *raw != Raw::Loose(String::new()))
    }

    /// The file that a variable names.
    pub(in crate::config) fn path(&self, name: &str) -> Option<String> {
        match self.variable(name)? {
            Raw::Loose(path) => Some(path),
            _ => None,
        }
    }
}

impl<F: Fn(&str) -> Option<Raw>> Source for Environment<F> {
    fn given(&self, setting: &'static Variable) -> Vec<Given> {
        let names = [setting.name].into_iter().chain(setting.aliases.iter().copied());
        let given = |name| {
            let raw = self.variable(name)?;
            Some(Given { label: Label { name: Cow::Borrowed(name), at: None }, raw })
        };
        names.filter_map(given).collect()
    }

    fn name(&self, setting: &'static Variable) -> Cow<'static, str> {
        Cow::Borrowed(setting.name)
    }
}
