//! A TOML file: its table `[redis]`, field by field.

use std::{borrow::Cow, collections::HashMap, fs, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Given, Label, Raw, Source};
use crate::config::{Problem, VARIABLES, Variable};

/// The table of our settings; the others of the file belong to the service.
const TABLE: &str = "redis";

/// A TOML file: its table `[redis]`, field by field.
///
/// The document is walked instead of deserialised, so that all unknown fields and all wrong values are
/// reported at once, each with its line, and no message of a parser can repeat a secret.
pub(in crate::config) struct File {
    fields: HashMap<&'static str, (Raw, String)>,
    problems: Vec<Problem>,
}

/// Turns offsets into lines and columns.
struct Lines<'a> {
    file: Option<&'a str>,
    text: &'a str,
}

impl File {
    /// Reads the file that a path or a variable names; one that can't be read is a problem of `who`.
    pub(in crate::config) fn open(path: &str, who: &'static str) -> Self {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(Some(path), &text),
            Err(error) => {
                let what = format!("names {path}, which can't be read: {error}");
                let problem = Problem::new(who, what, "a TOML file that this process may read");
                Self { fields: HashMap::new(), problems: vec![problem] }
            }
        }
    }

    /// Reads the text of a file; `file` is its name for people.
    pub(in crate::config) fn parse(file: Option<&str>, text: &str) -> Self {
        let lines = Lines { file, text };
        let mut read = Self { fields: HashMap::new(), problems: Vec::new() };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // The error's own text repeats the line, which may hold a secret; its message never does.
            let problem = Problem::new("the file", format!("is no TOML: {}", error.message()), "TOML");
            read.problems.push(problem.at(lines.place(error.span().unwrap_or_default())));
        }
        let table = document.get_ref().iter().find(|(key, _)| key.get_ref() == TABLE);
        match table.map(|(_, value)| (value.span(), value.get_ref())) {
            Some((_, DeValue::Table(table))) => read.table("", table, &lines),
            Some((span, _)) => {
                let problem = Problem::new(TABLE, "is no table", "[redis] and the settings below it");
                read.problems.push(problem.at(lines.place(span)));
            }
            None if read.problems.is_empty() => {
                let problem =
                    Problem::new("[redis]", "is not in the file", "[redis] and the settings below it");
                read.problems.push(match file {
                    Some(file) => problem.at(file.to_owned()),
                    None => problem,
                });
            }
            None => {}
        }
        read
    }

    fn table(&mut self, above: &str, table: &DeTable<'_>, lines: &Lines<'_>) {
        for (key, value) in table {
            let path = format!("{above}{}", key.get_ref());
            let known = VARIABLES.iter().filter_map(|setting| setting.field).find(|field| *field == path);
            let inner = format!("{path}.");
            match (known, value.get_ref()) {
                (Some(field), _) => {
                    self.fields.insert(field, (raw(value), lines.place(value.span())));
                }
                (None, DeValue::Table(table)) if fields_below(&inner).next().is_some() => {
                    self.table(&inner, table, lines);
                }
                (None, _) => {
                    let (what, right) = if fields_below(&inner).next().is_some() {
                        ("is no table", format!("[{TABLE}.{path}] and its fields"))
                    } else {
                        ("is unknown", known_fields(above))
                    };
                    let problem = Problem::new(format!("{TABLE}.{path}"), what, right);
                    self.problems.push(problem.at(lines.place(key.span())));
                }
            }
        }
    }
}

impl Source for File {
    fn given(&self, setting: &'static Variable) -> Vec<Given> {
        let field = setting.field.and_then(|field| self.fields.get(field));
        // As in the environment, nothing between the quotes counts as not set.
        let field = field.filter(|(raw, _)| *raw != Raw::Text(String::new()));
        let given = |(raw, at): &(Raw, String)| Given {
            label: Label { name: self.name(setting), at: Some(at.clone()) },
            raw: raw.clone(),
        };
        field.map(given).into_iter().collect()
    }

    fn name(&self, setting: &'static Variable) -> Cow<'static, str> {
        setting.field.map_or(Cow::Borrowed(setting.name), |field| Cow::Owned(format!("{TABLE}.{field}")))
    }

    fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Lines<'_> {
    /// `redis.toml:4:9`, as compilers write it.
    fn place(&self, span: Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        match self.file {
            Some(file) => format!("{file}:{line}:{column}"),
            None => format!("{line}:{column}"),
        }
    }
}

fn raw(value: &Spanned<DeValue<'_>>) -> Raw {
    match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Raw::Number(number.as_str().to_owned()),
        DeValue::Float(number) => Raw::Number(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Array(items) => {
            let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
            items.iter().map(text).collect::<Option<_>>().map_or(Raw::Other, Raw::List)
        }
        _ => Raw::Other,
    }
}

/// The fields whose paths begin like that, without that beginning.
fn fields_below(above: &str) -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().filter_map(move |setting| setting.field?.strip_prefix(above))
}

fn known_fields(above: &str) -> String {
    let mut names: Vec<&str> =
        fields_below(above).map(|field| field.split('.').next().unwrap_or(field)).collect();
    names.sort_unstable();
    names.dedup();
    format!("one of {}", names.join(", "))
}
