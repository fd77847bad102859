//! One line of the text format of Prometheus.

use std::borrow::Cow;

/// A sample as it is written.
#[derive(Debug, PartialEq)]
pub(crate) struct Line<'a> {
    /// Name and labels as they stand there.
    pub(crate) series: &'a str,
    pub(crate) name: &'a str,
    pub(crate) labels: Labels<'a>,
    pub(crate) value: f64,
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

impl Line<'_> {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| &**value)
    }
}

/// What stands before the labels or the value.
pub(super) fn name(text: &str) -> &str {
    let end = text.find(|character: char| character == '{' || character.is_ascii_whitespace());
    &text[..end.unwrap_or(text.len())]
}

/// Reads `name{label="value",…} 42`, with or without labels and with or without a time behind the value.
pub(crate) fn parse(text: &str) -> Result<Line<'_>, &'static str> {
    let name = name(text);
    let is_legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    if name.is_empty() || !name.chars().all(is_legal) {
        return Err("it does not begin with the name of a metric");
    }
    let rest = &text[name.len()..];
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let series = text[..text.len() - rest.len()].trim_end();
    let value = rest.split_ascii_whitespace().next().ok_or("it has no value")?;
    let value = value.parse().map_err(|_| "its value is no number")?;
    Ok(Line { series, name, labels, value })
}

/// The labels, and what follows the closing brace.
fn labels(inside: &str) -> Result<(Labels<'_>, &str), &'static str> {
    let mut labels = Vec::new();
    let mut rest = inside;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (label, quoted) = rest.split_once("=\"").ok_or("its labels do not end")?;
        let (value, after) = unquoted(quoted).ok_or("the value of a label does not end")?;
        labels.push((label, value));
        rest = after;
    }
}

/// The text up to the closing quote, and what follows.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = Cow::Borrowed("");
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.to_mut().push('\n'),
                escaped => value.to_mut().push(escaped),
            },
            plain => match &mut value {
                Cow::Borrowed(plainly) => *plainly = &text[..at + plain.len_utf8()],
                Cow::Owned(value) => value.push(plain),
            },
        }
    }
    None
}
