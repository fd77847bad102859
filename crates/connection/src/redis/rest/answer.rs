//! Answers from JSON, and what each failure means.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use redis::Value;
use serde_json::Value as Json;

use crate::{Certainty, Error, ErrorKind, Result, redis::classify::server_error};

/// The body of an answer to a request that was understood.
pub(super) fn body(status: StatusCode, body: &[u8]) -> Result<Json> {
    use Certainty::{Refused, Unknown};
    let number = status.as_u16();
    let (kind, certainty, what) = match number {
        // A command that failed is told as if the request had been wrong.
        200..300 | 400 => {
            return serde_json::from_slice(body).map_err(|error| {
                let what = format!("the server answered {number} with something that is no JSON");
                Error::new(ErrorKind::Protocol, Unknown, what).with_source(error)
            });
        }
        401 | 403 => (ErrorKind::Auth, Refused, "the server refused the token".to_owned()),
        413 => (ErrorKind::Server, Refused, "the request is too large for the server".to_owned()),
        429 => (ErrorKind::Overloaded, Refused, "the server takes no more requests for now".to_owned()),
        500.. => (ErrorKind::Unavailable, Unknown, format!("the server answered {number}")),
        _ => (
            ErrorKind::Config,
            Refused,
            format!(
                "the server answered {number}, which none does that speaks this protocol; is it the REST address?"
            ),
        ),
    };
    Err(Error::new(kind, certainty, what))
}

/// The answer to one command.
pub(super) fn one(json: Json) -> Result<Value> {
    let Json::Object(mut answer) = json else { return Err(odd()) };
    match (answer.remove("result"), answer.remove("error")) {
        (_, Some(Json::String(text))) => Err(failed(&text)),
        (Some(result), None | Some(Json::Null)) => value(result),
        _ => Err(odd()),
    }
}

/// The answers to several commands.
pub(super) fn several(json: Json, count: usize) -> Result<Vec<Result<Value>>> {
    match json {
        Json::Array(answers) if answers.len() == count => Ok(answers.into_iter().map(one).collect()),
        // The request as a whole was refused.
        answer @ Json::Object(_) => one(answer).and(Err(odd())),
        _ => Err(odd()),
    }
}

fn value(json: Json) -> Result<Value> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Boolean(truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        // Two letters are no base64, so no value can look like it.
        Json::String(text) if text == "OK" => Value::Okay,
        Json::String(text) => match STANDARD.decode(&text) {
            Ok(bytes) => Value::BulkString(bytes),
            Err(_) => Value::SimpleString(text),
        },
        Json::Array(values) => Value::Array(values.into_iter().map(value).collect::<Result<_>>()?),
        // A script's answer may hold an error.
        Json::Object(mut object) => match object.remove("error") {
            Some(Json::String(text)) => return Err(failed(&text).at_least(Certainty::Unknown)),
            _ => return Err(odd()),
        },
    })
}

/// A server's own error, as `WRONGTYPE Operation against a key holding the wrong kind of value`.
fn failed(text: &str) -> Error {
    let (code, detail) = match text.split_once(' ') {
        Some((code, detail)) if code.bytes().all(|byte| byte.is_ascii_uppercase()) => (code, detail),
        _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase()) => (text, ""),
        _ => ("ERR", text),
    };
    // It may go on with what was sent.
    let detail = detail.find("failed to parse").map_or(detail, |_| "failed to parse the request");
    server_error(code, detail).0
}

fn odd() -> Error {
    Error::new(ErrorKind::Protocol, Certainty::Unknown, "the server's answer made no sense")
}

#[cfg(test)]
mod tests;
