//! What a person sees, kept in docs/cli/transcripts and compared by tests.

use std::{env, fs, path::Path};

use crate::support::Answer;

/// Compares an answer with the page of this name, after taking out what differs from run to run; with
/// `REDSTART_WRITE_TRANSCRIPTS` set it writes the page instead.
pub(crate) fn check(name: &str, line: &str, answer: &Answer, volatile: &[(&str, &str)]) {
    let mut text =
        format!("$ redstart {line}\n{}{}exit code {}\n", answer.stdout, answer.stderr, answer.code);
    for (found, shown) in volatile {
        text = text.replace(found, shown);
    }
    let text = measures(&versions(&text));
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli/transcripts").join(format!("{name}.txt"));
    if env::var_os("REDSTART_WRITE_TRANSCRIPTS").is_some() {
        fs::write(&path, text).expect("the page can be written");
        return;
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(page, text, "{} is not what the program says", path.display());
}

/// Every measured number becomes `0`.
fn measures(text: &str) -> String {
    let units = ["ms", "s", "min", "h", "d", "%", "days", "bytes", "MiB", "of"];
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let shown = words.iter().enumerate().map(|(index, word)| {
            let is_number =
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let unit = words.get(index + 1).map_or("", |unit| unit.trim_end_matches([',', ':', ')', '.']));
            if is_number && units.contains(&unit) { "0" } else { word }
        });
        shown.collect::<Vec<_>>().join(" ")
    });
    lines.map(|line| line + "\n").collect()
}

/// Every server becomes the same.
fn versions(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let found = ["Redis ", "Valkey "].iter().find_map(|name| line.split_once(name));
        match found {
            Some((before, after)) if after.starts_with(|c: char| c.is_ascii_digit()) => {
                let (_, rest) = after.split_once(',').unwrap_or_default();
                shown.push_str(&format!("{before}Redis 7.0.15,{rest}\n"));
            }
            _ => shown.push_str(&format!("{line}\n")),
        }
    }
    shown
}
