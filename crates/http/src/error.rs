//! The one shape in which errors leave.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use redstart_connection::{Clock, Error, ErrorKind, Timestamp};
use redstart_monitor::Rfc3339;
use serde::Serialize;

use crate::{ResponseBody, TraceId};

mod problem;

/// An error as clients see it.
///
/// It leaves as `{"error":{"code","message","timestamp","traceId","retryAfter"}}`; the trace id is
/// filled in by [`TraceLayer`](crate::TraceLayer). Nothing internal gets into it by itself: an error of
/// the store becomes a status and a fixed sentence, and its text goes to the log.
///
/// ```
/// use http::StatusCode;
/// use redstart_http::ApiError;
///
/// let error = ApiError::new(StatusCode::CONFLICT, "ALREADY_BOOKED", "The seat is taken.");
/// assert_eq!((error.status(), error.code()), (StatusCode::CONFLICT, "ALREADY_BOOKED"));
/// ```
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    at: Rfc3339,
    retry_after: Option<u64>,
    /// The policies that were violated, where it leaves as a problem and not in the envelope.
    problem: Option<Vec<&'static str>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Fields<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    code: &'static str,
    message: &'a str,
    timestamp: Rfc3339,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a code such as `RATE_LIMITED` and a sentence for people.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let at = Rfc3339::from(Clock::system().now());
        Self { status, code, message: message.into(), at, retry_after: None, problem: None }
    }

    /// The client asked for something that makes no sense.
    #[must_use]
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// The client did not show a valid token.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "A valid bearer token is required.")
    }

    /// The client must wait.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        let seconds = whole_seconds(retry_after);
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let message = format!("Too many requests. Try again in {seconds} {unit}.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message).with_retry_after(retry_after)
    }

    /// Something that the service depends on does not answer.
    #[must_use]
    pub fn unavailable() -> Self {
        let message = "The service is temporarily unavailable.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
            .with_retry_after(Duration::from_secs(1))
    }

    /// Something went wrong that the client can't help.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Something went wrong.")
    }

    /// The same error, with when to try again, rounded up to seconds.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(whole_seconds(retry_after)), ..self }
    }

    /// The same error, as of another moment.
    #[must_use]
    pub fn at(self, timestamp: Timestamp) -> Self {
        Self { at: timestamp.into(), ..self }
    }

    /// Leaves as problem details (RFC 9457) that name the violated policies, instead of in the envelope.
    ///
    /// A refusal by a limit is of the type `quota-exceeded`, one for lack of a store of the type
    /// `temporary-reduced-capacity`, as the draft on `RateLimit` fields registers them.
    #[must_use]
    pub fn as_problem(self, violated: impl IntoIterator<Item = &'static str>) -> Self {
        Self { problem: Some(violated.into_iter().collect()), ..self }
    }

    /// The status that it leaves with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The response.
    #[must_use]
    pub fn into_http<B>(self) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::own(self.body(None)));
        *response.status_mut() = self.status;
        self.write_headers(response.headers_mut());
        response.extensions_mut().insert(self);
        response
    }

    /// The response to a gRPC call: a status in the headers, and no body.
    #[must_use]
    pub fn into_grpc<B>(self) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::own(Bytes::new()));
        self.write_headers(response.headers_mut());
        problem::write_grpc(&self, response.headers_mut());
        response
    }

    /// The envelope as JSON.
    pub(crate) fn body(&self, trace_id: Option<TraceId>) -> Bytes {
        if let Some(violated) = &self.problem {
            return problem::body(self, violated, trace_id);
        }
        let Self { status: _, code, message, at, retry_after, problem: _ } = self;
        let fields = Fields { code, message, timestamp: *at, trace_id, retry_after: *retry_after };
        // Strings and numbers always become JSON.
        serde_json::to_vec(&Envelope { error: fields }).unwrap_or_default().into()
    }

    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        let kind = if self.problem.is_some() { problem::CONTENT_TYPE } else { "application/json" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
    }
}

/// Whole seconds, rounded up, at least one.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun).max(1)
}

impl From<Error> for ApiError {
    /// Keeps the kind of the failure and logs the rest.
    fn from(error: Error) -> Self {
        tracing::warn!(%error, kind = ?error.kind(), "a request failed on the store");
        match error.kind() {
            ErrorKind::Permission | ErrorKind::Unsupported => {
                let message = "The store behind the service does not support this.";
                Self::new(StatusCode::NOT_IMPLEMENTED, "NOT_SUPPORTED", message)
            }
            _ if error.is_transient() => Self::unavailable(),
            ErrorKind::Auth | ErrorKind::Config | ErrorKind::Shutdown => Self::unavailable(),
            _ => Self::internal(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for ApiError {
    fn into_response(self) -> axum::response::Response {
        self.into_http::<axum::body::Body>().map(axum::body::Body::new)
    }
}

#[cfg(test)]
mod tests;
