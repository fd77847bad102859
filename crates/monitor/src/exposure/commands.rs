//! Which dangerous commands the user of a connection may send.

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use crate::Question;

/// What no service needs, and what destroys data, holds up the server, or takes it over.
const DANGEROUS: [&str; 12] = [
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG SET maxmemory 0",
    "KEYS *",
    "DEBUG SLEEP 0",
    "SHUTDOWN NOSAVE",
    "REPLICAOF NO ONE",
    "MODULE LOAD module.so",
    "ACL SETUSER nobody off",
    "MONITOR",
    "SCRIPT FLUSH",
    "MIGRATE 127.0.0.1 6379 key 0 1",
];

const SCRIPT: &str = include_str!("commands.lua");

/// Asks which commands this connection may send that could destroy the data or the server.
///
/// The server judges the commands by the rules of the user and carries none of them out.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskCommands;

/// A dangerous command, and whether it may be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reachable {
    /// The command's name; of two words where only that part of it is dangerous.
    pub command: &'static str,
    /// Whether the user of this connection may send it.
    pub allowed: bool,
}

impl Question for AskCommands {
    type Answer = Vec<Reachable>;
    const NAME: &'static str = "monitor.commands";

    fn cmd(&self) -> Cmd {
        DANGEROUS.iter().fold(Cmd::new("EVAL").arg(SCRIPT).arg(0), |cmd, line| cmd.arg(*line))
    }

    fn read(&self, answer: Value) -> Result<Self::Answer> {
        let answers = answer.into_array()?.into_iter();
        let read = |(line, answer): (&&'static str, Value)| {
            Ok(Reachable { command: name(line), allowed: answer.into_int()? == 1 })
        };
        DANGEROUS.iter().zip(answers).map(read).collect()
    }
}

/// The command of a line without its arguments.
fn name(line: &'static str) -> &'static str {
    let has_parts = ["CONFIG ", "MODULE ", "ACL ", "SCRIPT "].iter().any(|start| line.starts_with(start));
    let end = line.match_indices(' ').nth(usize::from(has_parts)).map_or(line.len(), |(index, _)| index);
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::{DANGEROUS, name};

    #[test]
    fn commands_are_named_without_their_arguments() {
        let names: Vec<_> = DANGEROUS.iter().map(|line| name(line)).collect();
        assert_eq!(names[..5], ["FLUSHALL", "FLUSHDB", "CONFIG SET", "KEYS", "DEBUG"]);
        assert_eq!(names[8..], ["ACL SETUSER", "MONITOR", "SCRIPT FLUSH", "MIGRATE"]);
    }
}
