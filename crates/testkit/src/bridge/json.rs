//! Commands and replies as JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::backend::Command;
use crate::Reply;

/// One command: an array of its name and arguments.
pub(super) fn command(json: &Value) -> Option<Command> {
    let parts = json.as_array().filter(|parts| !parts.is_empty())?;
    Some(parts.iter().map(argument).collect())
}

/// Several commands: an array of them.
pub(super) fn commands(json: &Value) -> Option<Vec<Command>> {
    json.as_array()?.iter().map(command).collect()
}

fn argument(json: &Value) -> Vec<u8> {
    match json {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// The answer to one command.
pub(super) fn answer(reply: Reply, in_base64: bool) -> Value {
    match reply {
        Reply::Error(text) => error(&text),
        reply => json!({ "result": result(reply, in_base64) }),
    }
}

pub(super) fn error(text: &str) -> Value {
    json!({ "error": text })
}

fn result(reply: Reply, in_base64: bool) -> Value {
    let string = |bytes: &[u8]| {
        if in_base64 { STANDARD.encode(bytes).into() } else { String::from_utf8_lossy(bytes).into() }
    };
    match reply {
        Reply::Nil => Value::Null,
        Reply::Int(number) => number.into(),
        Reply::Text(text) if text == "OK" => text.into(),
        Reply::Text(text) => string(text.as_bytes()),
        Reply::Bytes(bytes) => string(&bytes),
        Reply::Array(replies) => replies.into_iter().map(|reply| result(reply, in_base64)).collect(),
        Reply::Error(text) => error(&text),
    }
}
