//! The command as a process, and what it says.

use std::{
    path::Path,
    process::{Command, Output},
};

use redstart_testkit::RedisServer;
use serde_json::Value;

/// The command with nothing of this process's environment that could name a server.
pub(crate) fn redstart(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redstart"));
    command.args(arguments).env_clear();
    // Servers for a command that starts its own.
    for name in ["PATH", "REDSTART_REDIS_SERVER", "CARGO_TARGET_DIR", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs it, and reads the one document that it prints.
pub(crate) fn json(command: &mut Command) -> (i32, Value) {
    let output = command.arg("--json").output().unwrap();
    let document =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    (output.status.code().unwrap(), document)
}

pub(crate) fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// How many keys are under the prefix of loads.
pub(crate) fn keys_of_loads(server: &RedisServer) -> usize {
    let found = server.raw().command(&["KEYS", "*redstart-load*"]).array();
    found.len()
}

/// A small scenario in a file of its own.
pub(crate) fn scenario(folder: &Path, text: &str) -> String {
    let path = folder.join("small.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
