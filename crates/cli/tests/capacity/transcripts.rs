//! The guides in docs/cli show what the command says; here it says it again.
//!
//! Figures differ from run to run, so both are compared without them. `REDSTART_TRANSCRIPTS=write` puts what
//! is said now into the guides.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use redstart_testkit::RedisServer;

use crate::support::redstart;

#[test]
fn load_says_what_its_guide_shows() {
    follow("load.md");
}

#[test]
fn bench_says_what_its_guide_shows() {
    follow("bench.md");
}

#[test]
fn report_says_what_its_guide_shows() {
    follow("report.md");
}

/// Makes every call that a guide shows, on a server of its own, and compares what is said.
fn follow(guide: &str) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli")).join(guide);
    let text = fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    if let Some((_, after)) = text.split_once("```toml\n") {
        fs::write(folder.path().join("checkout.toml"), after.split_once("```").unwrap().0).unwrap();
    }
    let server = RedisServer::configure().option("maxmemory", "100mb").start();
    let mut written = String::new();
    let mut rest = &*text;
    while let Some((before, after)) = rest.split_once("```console\n$ redstart ") {
        let (call, after) = after.split_once('\n').unwrap();
        let (shown, after) = after.split_once("```").unwrap();
        let said = said(call, folder.path(), &server);
        if env::var_os("REDSTART_TRANSCRIPTS").is_none() {
            assert_eq!(without_figures(shown), without_figures(&said), "{guide}: redstart {call}\n{said}");
        }
        written.push_str(&format!("{before}```console\n$ redstart {call}\n{said}```"));
        rest = after;
    }
    if env::var_os("REDSTART_TRANSCRIPTS").is_some() {
        fs::write(&path, written + rest).unwrap();
    }
}

fn said(call: &str, folder: &Path, server: &RedisServer) -> String {
    let arguments: Vec<_> = call.split(' ').map(|argument| argument.trim_matches('\'')).collect();
    let output = redstart(&arguments).env("REDIS_URL", server.url()).current_dir(folder).output().unwrap();
    // The port is another one each time.
    String::from_utf8(output.stdout).unwrap().replace(&server.address().to_string(), "127.0.0.1:6379")
}

/// What stays the same from run to run and from machine to machine.
fn without_figures(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_finding = false;
    for line in text.lines() {
        // What a server of these tests is blamed for is the matter of the rules.
        is_finding = (is_finding || line.starts_with("findings")) && !line.is_empty();
        if is_finding {
            continue;
        }
        let line = line.split_once("; ").map_or(line, |(before, _)| before);
        let words = line.split_whitespace().map(|word| match word.trim_end_matches([',', ':']) {
            "A" | "B" | "C" | "D" | "F" | "better" | "same" | "worse" => "?".to_owned(),
            word => without_digits(word),
        });
        let line = words.collect::<Vec<_>>().join(" ");
        // The generator has its good and its bad moments, and the machine its grade.
        let judged = ["the generator", "Grade ?"].into_iter().find(|start| line.starts_with(start));
        lines.push(judged.map_or_else(|| line.clone(), str::to_owned));
    }
    // Commands of the server come in the order of their time.
    if let Some(at) = lines.iter().position(|line| line.starts_with("time of the server")) {
        lines.truncate(at);
    }
    lines
}

fn without_digits(word: &str) -> String {
    let mut kept = String::new();
    for letter in word.chars() {
        if letter.is_ascii_digit() || (letter == '.' && kept.ends_with('#')) {
            if !kept.ends_with('#') {
                kept.push('#');
            }
        } else {
            kept.push(letter);
        }
    }
    kept
}
