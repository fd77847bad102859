//! The bridge is what the official client takes it for.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{TOKEN, bridge};

/// Runs a program to its end; answers what it said where it failed, or is not there.
fn run(program: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).envs(environment.iter().copied()).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn official_client_finds_what_it_expects() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("rest-conformance");
    let folder = tempfile::tempdir().unwrap();
    for file in ["package.json", "package-lock.json", "conformance.mjs"] {
        std::fs::copy(sources.join(file), folder.path().join(file)).unwrap();
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    if let Err(why) = run("npm", &install, folder.path(), &[]) {
        println!("skipped: the official client can't be had here: {why}");
        return;
    }
    let bridge = bridge();
    let way = [("UPSTASH_REDIS_REST_URL", &*bridge.url()), ("UPSTASH_REDIS_REST_TOKEN", TOKEN)];
    if let Err(why) = run("node", &["conformance.mjs"], folder.path(), &way) {
        panic!("{why}");
    }
    assert!(bridge.in_sync() > 0, "the client echoes what it was told");
}
