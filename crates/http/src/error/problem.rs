//! Errors in other people's shapes: problem details, and the status of gRPC.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::ApiError;
use crate::TraceId;

/// The media type of problem details.
pub(super) const CONTENT_TYPE: &str = "application/problem+json";

const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const REDUCED_CAPACITY: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The members of RFC 9457, then those of our own.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    #[serde(rename = "violated-policies", skip_serializing_if = "<[_]>::is_empty")]
    violated_policies: &'a [&'static str],
    #[serde(rename = "traceId", skip_serializing_if = "Option::is_none")]
    trace_id: Option<TraceId>,
    #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

pub(super) fn body(error: &ApiError, violated: &[&'static str], trace_id: Option<TraceId>) -> Bytes {
    let r#type = match error.status {
        StatusCode::TOO_MANY_REQUESTS => QUOTA_EXCEEDED,
        StatusCode::SERVICE_UNAVAILABLE => REDUCED_CAPACITY,
        _ => "about:blank",
    };
    let problem = Problem {
        r#type,
        title: &error.message,
        status: error.status.as_u16(),
        violated_policies: violated,
        trace_id,
        retry_after: error.retry_after,
    };
    // Strings and numbers always become JSON.
    serde_json::to_vec(&problem).unwrap_or_default().into()
}

/// Says it in the way of gRPC, where the status of HTTP is 200 whatever happens.
pub(super) fn write_grpc(error: &ApiError, headers: &mut HeaderMap) {
    let status = match error.status {
        StatusCode::TOO_MANY_REQUESTS => "8",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::BAD_REQUEST => "3",
        StatusCode::NOT_IMPLEMENTED => "12",
        _ => "13",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from_static(status));
    // Our own messages are printable ASCII; one that is not says nothing rather than something else.
    let is_plain = error.message.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%');
    if is_plain && let Ok(message) = HeaderValue::try_from(&*error.message) {
        headers.insert(GRPC_MESSAGE, message);
    }
}
