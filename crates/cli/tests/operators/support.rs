//! The program, run as a person would run it.

use std::process::{Command, Stdio};

use redstart_testkit::RedisServer;

/// What the program answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// The one JSON document on the standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Both outputs.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs `redstart` with the words of `line`, with nothing in its environment but `variables`, and nobody at
/// the terminal.
pub(crate) fn redstart(line: &str, variables: &[(&str, &str)]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_redstart"))
        .args(line.split_whitespace())
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Answer {
        code: output.status.code().expect("it ends by itself"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The same on `server`.
pub(crate) fn on(server: &RedisServer, line: &str) -> Answer {
    redstart(line, &[("REDIS_URL", &server.url())])
}

/// A server with TLS and a user that may do little.
pub(crate) fn guarded() -> RedisServer {
    let rules = "~app:* +@read +@write +@connection +info +role +eval +acl|whoami -@dangerous +info +role";
    RedisServer::configure().tls().password("admin-Vai8Ohze").user("app", "app-eiPh0oow", rules).start()
}
