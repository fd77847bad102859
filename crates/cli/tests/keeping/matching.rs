//! Commands in a page, and what they are to print.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::support::text;

/// Runs every command of a page in `folder`, and compares what it prints; answers how many there were.
pub(crate) fn follow_page(page: &str, name: &str, variables: &[(&str, &str)], folder: &str) -> usize {
    let blocks = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let steps: Vec<_> = blocks.flat_map(steps).collect();
    for (command, expected) in &steps {
        let said = shell(command, variables, folder);
        check(expected, &said).unwrap_or_else(|why| panic!("{name}\n$ {command}\n{why}\nIt said:\n{said}"));
    }
    steps.len()
}

/// Runs a command as an operator does, and answers with all that it prints.
fn shell(command: &str, variables: &[(&str, &str)], folder: &str) -> String {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_redstart"));
    let path = format!("{}:{}", text(ours.parent().unwrap()), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The commands of a block, each with the lines that it is to print.
fn steps(block: &str) -> Vec<(String, Vec<String>)> {
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), Vec::new())),
            (None, Some((_, expected))) => expected.push(line.to_owned()),
            (None, None) => panic!("a block begins with `$ `, not with {line:?}"),
        }
    }
    steps
}

/// Compares line by line: `[..]` is anything within a line, `...` any lines.
fn check(expected: &[String], said: &str) -> Result<(), String> {
    let said: Vec<_> = said.lines().map(str::trim_end).collect();
    if fits(expected, &said) {
        return Ok(());
    }
    Err(format!("It should have said:\n{}", expected.join("\n")))
}

fn fits(expected: &[String], said: &[&str]) -> bool {
    match expected.split_first() {
        None => said.iter().all(|line| line.is_empty()),
        Some((any, rest)) if any == "..." => (0..=said.len()).any(|from| fits(rest, &said[from..])),
        Some((line, rest)) => {
            said.split_first().is_some_and(|(first, others)| line_fits(line, first) && fits(rest, others))
        }
    }
}

fn line_fits(expected: &str, said: &str) -> bool {
    let mut parts = expected.trim_end().split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else { return false };
    let parts: Vec<_> = parts.collect();
    for (nth, part) in parts.iter().enumerate() {
        if nth + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn lines_are_compared() {
    let is = |expected: &str, said: &str| {
        check(&expected.lines().map(str::to_owned).collect::<Vec<_>>(), said).is_ok()
    };
    assert!(is("a\n[..]c", "a\nbc\n"));
    assert!(is("...\nb[..]d\n...", "a\nbcd\ne\n"));
    assert!(is("...", ""));
    assert!(!is("a", "a\nb\n"));
    assert!(!is("a[..]c", "abcd"));
    assert!(!is("a\nb", "a\n"));
}
