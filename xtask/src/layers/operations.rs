//! Every operation has two bodies; the conformance tests must compare them.

use super::sources::Source;

/// An `impl Operation for …` in a crate.
#[derive(Debug, Eq, PartialEq)]
struct Operation {
    /// The type, such as `Take`.
    kind: String,
    /// What its `NAME` says, such as `ratelimit.take`.
    name: Option<String>,
}

/// Finds the operations that conformance.rs and its folder name neither by type nor by name.
pub(crate) fn violations(crates: &[Source], tests: &[Source]) -> Vec<String> {
    let conformance = tests.iter().filter(|source| {
        source.path.file_stem().is_some_and(|stem| stem == "conformance")
            || source.path.iter().any(|part| part == "conformance")
    });
    let conformance = conformance.map(|source| source.text.as_str()).collect::<Vec<_>>().join("\n");
    let mut violations = Vec::new();
    for source in crates.iter().filter(|source| source.is_product()) {
        for Operation { kind, name } in operations(&source.text) {
            let named = words(&conformance).any(|word| word == kind)
                || name.is_some_and(|name| conformance.contains(&format!("\"{name}\"")));
            if !named {
                let path = source.path.display();
                violations.push(format!("{path}: tests/it/conformance.rs does not name {kind}"));
            }
        }
    }
    violations
}

fn operations(text: &str) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some(kind) = implementor(line) else { continue };
        let mut name = None;
        while let Some(line) = lines.next_if(|line| !line.starts_with("impl")) {
            if line.starts_with("const NAME:") {
                name = line.split('"').nth(1).map(str::to_owned);
            }
        }
        operations.push(Operation { kind, name });
    }
    operations
}

/// The type of `impl<'a> Operation for take::Take<'a> {`; none for a blanket such as `&O`.
fn implementor(line: &str) -> Option<String> {
    if !line.starts_with("impl") {
        return None;
    }
    let (_, after) = line.split_once("Operation for ")?;
    let path = after.split(['<', ' ', '{']).next()?;
    let kind = path.rsplit("::").next()?;
    let blanket = kind.starts_with('&') || matches!(kind, "Arc" | "Box");
    (!blanket).then(|| kind.to_owned())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests;
