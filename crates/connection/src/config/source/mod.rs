//! The places that settings come from, and which of them has the last word.

mod environment;
mod file;
mod login;
mod merge;
mod reader;
mod servers;
mod settings;
mod tls;

use std::borrow::Cow;

pub(super) use self::{environment::Environment, file::File, merge::read, settings::bytes};
use super::{Problem, Variable};

/// One place that settings come from.
pub(super) trait Source {
    /// What it says of a setting, under each of the names that it has there.
    fn given(&self, setting: &'static Variable) -> Vec<Given>;

    /// What this source calls a setting.
    fn name(&self, setting: &'static Variable) -> Cow<'static, str>;

    /// What is wrong with the source as a whole.
    fn problems(&self) -> &[Problem] {
        &[]
    }
}

/// A value, and where it stands.
pub(super) struct Given {
    pub(super) label: Label,
    pub(super) raw: Raw,
}

/// How people find a setting: its name and, in a file, its line.
#[derive(Clone)]
pub(super) struct Label {
    pub(super) name: Cow<'static, str>,
    pub(super) at: Option<String>,
}

/// A value as it was written.
#[derive(Clone, Eq, PartialEq)]
pub(in crate::config) enum Raw {
    /// A text that may mean anything, as that of a variable.
    Loose(String),
    Text(String),
    Number(String),
    Flag(bool),
    List(Vec<String>),
    /// Something that no setting is.
    Other,
    /// Bytes that are no text.
    Garbled,
}
