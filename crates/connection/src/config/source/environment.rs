//! The environment, or whatever else answers by the names of variables.

use std::borrow::Cow;

use super::{Given, Label, Raw, Source};
use crate::config::Variable;

/// The environment, or whatever else answers by the names of variables.
pub(in crate::config) struct Environment<F>(pub(in crate::config) F);

impl<F: Fn(&str) -> Option<String>> Environment<F> {
    /// A set variable; an empty one counts as not set.
    pub(in crate::config) fn variable(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl<F: Fn(&str) -> Option<String>> Source for Environment<F> {
    fn given(&self, setting: &'static Variable) -> Vec<Given> {
        let names = [setting.name].into_iter().chain(setting.aliases.iter().copied());
        let given = |name| {
            let raw = Raw::Loose(self.variable(name)?);
            Some(Given { label: Label { name: Cow::Borrowed(name), at: None }, raw })
        };
        names.filter_map(given).collect()
    }

    fn name(&self, setting: &'static Variable) -> Cow<'static, str> {
        Cow::Borrowed(setting.name)
    }
}
