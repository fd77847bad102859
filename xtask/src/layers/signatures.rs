//! No public signature holds a type of a driver: whoever exposes it must follow its major versions.
//!
//! A text scan: it reads what begins with `pub`, and knows what a file imports from a driver.

use super::sources::Source;

const DRIVERS: [&str; 6] = ["redis", "bb8", "bb8_redis", "bullmq", "moka", "quick_cache"];

pub(crate) fn violations(crates: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for source in crates.iter().filter(|source| source.is_product()) {
        let imported = imports(&source.text);
        for (number, signature) in signatures(&source.text) {
            let mut paths = signature.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            if let Some(path) = paths.find(|path| is_foreign(path, &imported)) {
                violations
                    .push(format!("{}:{number}: a public signature names {path}", source.path.display()));
            }
        }
    }
    violations
}

/// The public items and fields of a file, with the numbers of their lines.
fn signatures(text: &str) -> Vec<(usize, String)> {
    let mut lines = text.lines().enumerate();
    let mut signatures = Vec::new();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        let ours = ["pub use crate::", "pub use self::", "pub use super::"];
        if !line.starts_with("pub ") || ours.iter().any(|ours| line.starts_with(ours)) {
            continue;
        }
        let is_item = line.split(' ').nth(1).is_some_and(|word| !word.ends_with(':'));
        let end: &[char] = if line.starts_with("pub use ") { &[';'] } else { &['{', ';'] };
        let mut signature = line.to_owned();
        while is_item && !signature.contains(end) {
            let Some((_, line)) = lines.next() else { break };
            signature.push(' ');
            signature.push_str(line.trim());
        }
        let signature = signature.split(end).next().unwrap_or_default();
        signatures.push((index + 1, public_part(signature)));
    }
    signatures
}

/// Leaves the private fields of a tuple struct out.
fn public_part(signature: &str) -> String {
    match signature.split_once('(') {
        Some((head, fields)) if signature.starts_with("pub struct ") => {
            let public = fields.split(',').filter(|field| field.trim().starts_with("pub "));
            format!("{head} {}", public.collect::<Vec<_>>().join(" "))
        }
        _ => signature.to_owned(),
    }
}

/// The types that a file imports from a driver, by the names it gives them.
fn imports(text: &str) -> Vec<&str> {
    let statements = text.split(';').filter_map(|statement| {
        let (_, import) = statement.rsplit_once("use ")?;
        import.trim_start().split("::").next().filter(|root| DRIVERS.contains(root)).map(|_| import)
    });
    let names = statements.flat_map(|import| import.split([',', '{', '}']));
    let names = names.filter_map(|path| path.trim().rsplit([':', ' ']).next());
    names.filter(|name| name.starts_with(char::is_uppercase)).collect()
}

fn is_foreign(path: &str, imported: &[&str]) -> bool {
    match path.trim_start_matches("::").split_once("::") {
        Some((root, _)) => DRIVERS.contains(&root) || imported.contains(&root),
        None => imported.contains(&path.trim_end_matches(':')),
    }
}

#[cfg(test)]
mod tests;
