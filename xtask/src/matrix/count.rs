//! How many tests passed and failed, read from what the runner prints.

use std::collections::BTreeSet;

/// What a runner said so far.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Count {
    pub(super) passed: u32,
    pub(super) failed: u32,
    /// Of those that failed.
    pub(super) names: BTreeSet<String>,
}

impl Count {
    /// Reads a line of nextest or of cargo's own runner.
    pub(super) fn take(&mut self, line: &str) {
        let line = line.trim();
        if let Some(sums) = line.strip_prefix("Summary ").or_else(|| line.strip_prefix("test result: ")) {
            self.passed += number_before(sums, "passed");
            self.failed += number_before(sums, "failed") + number_before(sums, "timed");
        } else if let Some(name) = failed_test(line) {
            self.names.insert(name.to_owned());
        }
    }
}

/// `FAIL [   0.866s] (1/2) package::binary module::test` or `test module::test ... FAILED`
fn failed_test(line: &str) -> Option<&str> {
    if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
        return Some(name);
    }
    let rest = line.strip_prefix("FAIL [").or_else(|| line.strip_prefix("TIMEOUT ["))?;
    rest.split_whitespace().last()
}

fn number_before(sums: &str, word: &str) -> u32 {
    let words: Vec<_> = sums.split([' ', ',', ';', '.']).filter(|word| !word.is_empty()).collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
