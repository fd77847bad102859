//! One line of the text format of Prometheus.

/// A sample as it is written.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// Name and labels as they stand there.
    pub(super) series: &'a str,
    pub(super) name: &'a str,
    pub(super) labels: Labels,
    pub(super) value: f64,
}

type Labels = Vec<(String, String)>;

/// What stands before the labels or the value.
pub(super) fn name(text: &str) -> &str {
    let end = text.find(|character: char| character == '{' || character.is_ascii_whitespace());
    &text[..end.unwrap_or(text.len())]
}

/// Reads `name{label="value",…} 42`, with or without labels and with or without a time behind the value.
pub(super) fn parse(text: &str) -> Result<Line<'_>, &'static str> {
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
fn labels(inside: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Vec::new();
    let mut rest = inside;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (label, quoted) = rest.split_once("=\"").ok_or("its labels do not end")?;
        let (value, after) = unquoted(quoted).ok_or("the value of a label does not end")?;
        labels.push((label.to_owned(), value));
        rest = after;
    }
}

/// The text up to the closing quote, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}
