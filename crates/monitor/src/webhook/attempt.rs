//! One request to a receiver.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use redstart_connection::Timestamp;

use super::signature::Key;
use crate::client::{self, Reply};

/// An answer is read and forgotten; more than this nobody has to say.
const LONGEST_ANSWER: usize = 64 * 1024;

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The receiver has it.
    Taken,
    /// The receiver will never take it.
    Refused(String),
    /// It may take it another time.
    Failed { why: String, again_in: Option<Duration> },
}

pub(super) async fn send(
    address: &str,
    id: &str,
    time: Timestamp,
    key: Option<&Key>,
    body: Bytes,
    within: Duration,
) -> Outcome {
    let request = match request(address, id, time, key, body) {
        Ok(request) => request,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    match client::send(request, within, LONGEST_ANSWER).await {
        Ok(reply) => judge(&reply),
        Err(failure) => Outcome::Failed { why: failure.to_string(), again_in: None },
    }
}

fn request(
    address: &str,
    id: &str,
    time: Timestamp,
    key: Option<&Key>,
    body: Bytes,
) -> Result<Request<Bytes>, http::Error> {
    let seconds = time.as_secs();
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(address)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("redstart/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds);
    if let Some(key) = key {
        let mut signature = HeaderValue::try_from(key.sign(id, seconds, &body))?;
        signature.set_sensitive(true);
        request = request.header("webhook-signature", signature);
    }
    request.body(body)
}

fn judge(Reply { status, headers, body }: &Reply) -> Outcome {
    // What receivers say beside the status is short, such as `invalid_token`.
    let said: String =
        String::from_utf8_lossy(body).chars().filter(|letter| !letter.is_control()).take(100).collect();
    let why = format!("the receiver answered {} {said}", status.as_u16());
    match *status {
        _ if status.is_success() => Outcome::Taken,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Failed { why, again_in: retry_after(headers) }
        }
        _ if status.is_server_error() => Outcome::Failed { why, again_in: retry_after(headers) },
        _ => Outcome::Refused(why),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
