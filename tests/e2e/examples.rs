//! The examples beside the service: each runs by itself, ends, and says what came of it.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use redstart_testkit::RedisServer;
use serde_json::Value;

/// Builds an example; answers where its program is.
pub(crate) fn build(example: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "-p",
            "redstart",
            "--features",
            "gate,jobs,prometheus,rest,tls-ring,webhook",
        ])
        .args(["--example", example, "--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{example} does not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable =
        |line: &str| serde_json::from_str::<Value>(line).ok()?["executable"].as_str().map(PathBuf::from);
    messages.lines().filter_map(executable).next_back().expect("cargo names the executable")
}

/// Runs an example to its end; answers what it printed.
fn printed(example: &str) -> String {
    let output = Command::new(build(example)).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{example} failed");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn grpc_service_behind_the_layer_refuses_in_the_way_of_grpc() {
    let printed = printed("grpc");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..3], ["answered, 2 left", "answered, 1 left", "answered, 0 left"]);
    let refused = "ResourceExhausted: Too many requests. Try again in 60 seconds. (retry-after: 60)";
    // A second may have begun since.
    assert!(lines[3] == refused || lines[3] == refused.replace("60", "59"), "{printed}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn client_behind_the_layer_sends_no_more_than_it_may() {
    let printed = printed("client");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..3], ["quote 1", "quote 2", "quote 3"]);
    let is_refused = |line: &&str| line.starts_with("not sent: 429 Too Many Requests, retry-after: 3");
    assert!(lines[3..5].iter().all(is_refused), "{printed}");
    assert_eq!(lines[5..], ["the partner saw 3 calls"]);
}

#[test]
fn jobs_are_carried_out_and_what_fails_is_shown() {
    let server = RedisServer::start();
    let output = Command::new(build("jobs")).env("REDIS_URL", server.url()).stderr(Stdio::inherit()).output();
    let printed = String::from_utf8(output.unwrap().stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "new Worker('email', async job => …, { connection, prefix: '{jobs}' })");
    assert!(lines.contains(&"welcome to ada@example.com, attempt 1"), "{printed}");
    assert!(lines.contains(&"reminder to eve@example.com, attempt 1"), "{printed}");
    let dead = lines.last().unwrap();
    assert!(
        dead.starts_with("dead after 2 attempts: j") && dead.ends_with(": nobody is no address"),
        "{printed}"
    );
    assert_eq!(lines.len(), 4);
}
