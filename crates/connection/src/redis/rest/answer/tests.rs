use serde_json::json;

use super::*;

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[test]
fn values_are_those_of_the_other_protocol() {
    let answer = json!([null, 7, i64::MIN, "OK", base64(b"\xc5\x01\0"), base64(b""), [base64(b"OK"), []]]);
    let Value::Array(values) = value(answer).expect("it makes sense") else { panic!("it is a list") };
    let bytes = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
    assert_eq!(
        values,
        [
            Value::Nil,
            Value::Int(7),
            Value::Int(i64::MIN),
            Value::Okay,
            bytes(b"\xc5\x01\0"),
            bytes(b""),
            Value::Array(vec![bytes(b"OK"), Value::Array(Vec::new())]),
        ]
    );
}

#[test]
fn each_failure_says_what_it_means() {
    use Certainty::{Failed, Refused, Unknown};
    let told = |error: Error| (error.kind(), error.certainty());
    for (text, kind, certainty) in [
        ("WRONGTYPE Operation against a key", ErrorKind::WrongType, Failed),
        ("READONLY You can't write", ErrorKind::ReadOnly, Refused),
        ("NOPERM this user has no permissions", ErrorKind::Permission, Refused),
        ("NOSCRIPT No matching script", ErrorKind::Script, Refused),
        ("ERR unknown command 'NOSUCH'", ErrorKind::Unsupported, Refused),
        ("ERR max daily request limit exceeded. Limit: 10000", ErrorKind::Overloaded, Refused),
        ("ERR max requests limit exceeded. Limit: 500000", ErrorKind::Overloaded, Refused),
        ("ERR max request size exceeded. Limit: 1048576 bytes", ErrorKind::Server, Failed),
        ("ERR syntax error", ErrorKind::Server, Failed),
        ("Unauthorized", ErrorKind::Server, Failed),
    ] {
        let error = one(json!({ "error": text })).expect_err(text);
        assert_eq!(told(error), (kind, certainty), "{text}");
    }
    for (status, kind, certainty) in [
        (401, ErrorKind::Auth, Refused),
        (403, ErrorKind::Auth, Refused),
        (302, ErrorKind::Config, Refused),
        (404, ErrorKind::Config, Refused),
        (405, ErrorKind::Config, Refused),
        (413, ErrorKind::Server, Refused),
        (429, ErrorKind::Overloaded, Refused),
        (500, ErrorKind::Unavailable, Unknown),
        (503, ErrorKind::Unavailable, Unknown),
        (200, ErrorKind::Protocol, Unknown),
        (400, ErrorKind::Protocol, Unknown),
    ] {
        let status = StatusCode::from_u16(status).expect("it is one");
        assert_eq!(told(body(status, b"<html>").expect_err("no JSON")), (kind, certainty), "{status}");
    }
}

#[test]
fn pipeline_answers_each_for_itself_or_all_at_once() {
    let answers = several(json!([{"result": 1}, {"error": "WRONGTYPE no"}]), 2).expect("each for itself");
    assert!(answers[0].is_ok() && answers[1].is_err());
    let refused = several(json!({"error": "NOPERM no"}), 2).expect_err("all at once");
    assert_eq!(refused.kind(), ErrorKind::Permission);
    for odd in [json!([{"result": 1}]), json!("OK"), json!({"result": 1})] {
        let error = several(odd, 2).expect_err("two were asked for");
        assert_eq!((error.kind(), error.certainty()), (ErrorKind::Protocol, Certainty::Unknown));
    }
}

#[test]
fn error_inside_an_answer_came_after_something_was_done() {
    let error = one(json!({"result": [1, {"error": "READONLY nested"}]})).expect_err("it holds an error");
    assert_eq!((error.kind(), error.certainty()), (ErrorKind::ReadOnly, Certainty::Unknown));
}

#[test]
fn what_was_sent_is_not_repeated() {
    let error = one(json!({"error": "ERR failed to parse command, hunter2"})).expect_err("it is an error");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
