//! Which samples are meant.

use std::str::FromStr;

use crate::scrape::Sample;

/// The samples of one metric or of several, narrowed down by labels.
///
/// ```
/// use redstart_monitor::Selector;
///
/// let failed = Selector::of("requests_total").with("status", &["500", "503"]);
/// assert_eq!(failed.to_string(), r#"requests_total{status=~"500|503"}"#);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selector {
    names: Vec<String>,
    matchers: Vec<Matcher>,
}

/// What a label must be, or must not be.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Matcher {
    label: String,
    values: Vec<String>,
    is_exclusion: bool,
}

impl Selector {
    /// All samples of a metric.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { names: vec![name.to_owned()], matchers: Vec::new() }
    }

    /// Those of another metric too.
    #[must_use]
    pub fn or(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Only those whose label is one of `values`.
    #[must_use]
    pub fn with(self, label: &str, values: &[&str]) -> Self {
        self.matching(label, values, false)
    }

    /// Only those whose label is none of `values`.
    #[must_use]
    pub fn without(self, label: &str, values: &[&str]) -> Self {
        self.matching(label, values, true)
    }

    fn matching(mut self, label: &str, values: &[&str], is_exclusion: bool) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.matchers.push(Matcher { label: label.to_owned(), values, is_exclusion });
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The conditions as PromQL, without the braces.
    pub(super) fn conditions(&self) -> impl Iterator<Item = String> {
        self.matchers.iter().map(Matcher::promql)
    }

    /// Whether this is a sample of it; `suffix` is what a histogram's samples end in.
    pub(crate) fn admits(&self, sample: &Sample, suffix: &str) -> bool {
        let name = sample.name.strip_suffix(suffix);
        self.names().any(|wanted| name == Some(wanted))
            && self.matchers.iter().all(|matcher| matcher.admits(sample))
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let conditions = self.conditions().collect::<Vec<_>>().join(",");
        for (nth, name) in self.names().enumerate() {
            let plus = if nth == 0 { "" } else { " + " };
            write!(f, "{plus}{name}{{{conditions}}}")?;
        }
        Ok(())
    }
}

/// Reads what [`Selector`] shows, of one metric; an expression may only be a list of literal alternatives.
impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no selector; right would be name{{label=\"value\"}}");
        let (name, mut rest) = match text.trim().split_once('{') {
            Some((name, rest)) => (name.trim(), rest.strip_suffix('}').ok_or_else(wrong)?.trim()),
            None => (text.trim(), ""),
        };
        let is_legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
        if name.is_empty() || !name.chars().all(is_legal) {
            return Err(wrong());
        }
        let mut selector = Self::of(name);
        while !rest.is_empty() {
            let at = rest.find(['=', '!']).ok_or_else(wrong)?;
            let (label, condition) = (rest[..at].trim(), &rest[at..]);
            let operators = ["=~\"", "!~\"", "!=\"", "=\""];
            let operator = operators.into_iter().find(|operator| condition.starts_with(operator));
            let operator = operator.ok_or_else(wrong)?;
            let (value, after) = condition[operator.len()..].split_once('"').ok_or_else(wrong)?;
            let values: Vec<_> =
                if operator.contains('~') { value.split('|').collect() } else { vec![value] };
            selector = selector.matching(label, &values, operator.starts_with('!'));
            rest = after.trim_start_matches([',', ' ']);
        }
        Ok(selector)
    }
}

impl Matcher {
    fn admits(&self, sample: &Sample) -> bool {
        let label = sample.label(&self.label).unwrap_or_default();
        self.values.iter().any(|value| value == label) != self.is_exclusion
    }

    fn promql(&self) -> String {
        let Self { label, values, is_exclusion } = self;
        let (operator, value) = match (values.as_slice(), is_exclusion) {
            ([value], false) => ("=", value.clone()),
            ([value], true) => ("!=", value.clone()),
            (values, false) => ("=~", alternatives(values)),
            (values, true) => ("!~", alternatives(values)),
        };
        format!("{label}{operator}\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A regular expression that matches each of `values` and nothing else.
fn alternatives(values: &[String]) -> String {
    let literal = |value: &String| {
        value.chars().fold(String::new(), |mut literal, character| {
            if !character.is_alphanumeric() && !matches!(character, '_' | '-' | ' ' | '/') {
                literal.push('\\');
            }
            literal.push(character);
            literal
        })
    };
    values.iter().map(literal).collect::<Vec<_>>().join("|")
}
