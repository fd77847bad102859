//! What a person sees, kept in docs/cli/transcripts and compared by tests.

use std::{env, fs, path::Path};

use crate::support::Answer;

/// How often a page may differ: on a busy machine an answer can be slow, and the doctor says so.
const ATTEMPTS: usize = 10;

/// Compares what the program says with the page of this name, after taking out what differs from run to run;
/// with `REDSTART_WRITE_TRANSCRIPTS` set it writes the page instead.
pub(crate) fn check(name: &str, line: &str, run: impl Fn() -> Answer) -> Answer {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli/transcripts").join(format!("{name}.txt"));
    let shown = |answer: &Answer| {
        let Answer { code, stdout, stderr } = answer;
        measures(&versions(&ports(&format!("$ redstart {line}\n{stdout}{stderr}exit code {code}\n"))))
    };
    let mut answer = run();
    if env::var_os("REDSTART_WRITE_TRANSCRIPTS").is_some() {
        fs::write(&path, shown(&answer)).expect("the page can be written");
        return answer;
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    for _ in 1..ATTEMPTS {
        if page == shown(&answer) {
            return answer;
        }
        answer = run();
    }
    assert_eq!(page, shown(&answer), "{} is not what the program says", path.display());
    answer
}

/// Every measured number becomes `0`.
fn measures(text: &str) -> String {
    let units = ["ms", "s", "min", "h", "d", "%", "days", "bytes", "MiB"];
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let shown = words.iter().enumerate().map(|(index, word)| {
            let is_number =
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let unit = words.get(index + 1).map_or("", |unit| unit.trim_end_matches([',', ':', ')', '.']));
            if is_number && units.contains(&unit) { "0" } else { word }
        });
        // A server tells of its past in whole seconds, and one of these tests began in this second or the last.
        shown.collect::<Vec<_>>().join(" ").replace("0 ms ago", "0 s ago")
    });
    lines.map(|line| line + "\n").collect()
}

/// The ports become 7001 and so on, in the order in which they appear.
fn ports(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    let mut seen = Vec::new();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (port, rest) = part.split_at(end);
        let index = seen.iter().position(|known| *known == port).unwrap_or_else(|| {
            seen.push(port);
            seen.len() - 1
        });
        shown.push_str(&format!("{HOST}{}{rest}", 7_001 + index));
    }
    shown
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
