//! Trace ids: one per request, in the extensions, the log and the response.

use std::{
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body;
use redstart_connection::BoxFuture;
use serde::{Serialize, Serializer};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument as _;

use crate::{ApiError, ResponseBody};

const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Identifies one request through all services.
///
/// Handlers find it in the extensions of the request.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The id made of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A new id.
    #[must_use]
    pub fn random() -> Self {
        // All zeros stand for no id.
        Self(fastrand::u128(1..).to_be_bytes())
    }

    /// The trace id of a valid W3C `traceparent`; none if there is none, or more than one.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use redstart_http::TraceId;
    ///
    /// let mut headers = HeaderMap::new();
    /// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// headers.insert("traceparent", HeaderValue::from_static(parent));
    /// let id = TraceId::of(&headers).map(|id| id.to_string());
    /// assert_eq!(id.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    /// ```
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        parse(value.as_bytes())
    }
}

/// Reads `version-trace-parent-flags`; versions after 00 may go on after a dash.
fn parse(value: &[u8]) -> Option<TraceId> {
    let (version, rest) = value.split_at_checked(2)?;
    let version = hex::<1>(version)?;
    let (fixed, beyond) = rest.split_at_checked(53)?;
    let is_legal = match version {
        [0] => beyond.is_empty(),
        [0xff] => false,
        _ => beyond.first().is_none_or(|byte| *byte == b'-'),
    };
    let [b'-', trace @ .., b'-', _, _] = fixed else { return None };
    let (trace, parent) = (trace.get(..32)?, trace.get(32..)?);
    let (parent, flags) = (hex::<8>(parent.strip_prefix(b"-")?)?, hex::<1>(fixed.get(51..)?));
    let trace = hex::<16>(trace)?;
    (is_legal && flags.is_some() && trace != [0; 16] && parent != [0; 8]).then_some(TraceId(trace))
}

/// Reads lower-case hexadecimal digits, the only ones that the standard allows.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Gives every request a [`TraceId`], taken from `traceparent` or new, and answers it in `X-Trace-Id`.
///
/// It opens the span that everything below logs in, and writes the id into each [`ApiError`] that
/// passes, so it belongs outside of the other layers.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TraceLayer;

impl TraceLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner }
    }
}

/// The service that [`TraceLayer`] makes.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for Trace<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    S::Future: Send + 'static,
    ResB: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let id = TraceId::of(request.headers()).unwrap_or_else(TraceId::random);
        request.extensions_mut().insert(id);
        let span = tracing::info_span!("request", trace_id = %id);
        let answer = span.in_scope(|| self.inner.call(request));
        Box::pin(async move { Ok(stamp(answer.await?, id)) }.instrument(span))
    }
}

fn stamp<B>(response: Response<B>, id: TraceId) -> Response<ResponseBody<B>> {
    let mut response = response.map(ResponseBody::Inner);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(X_TRACE_ID, value);
    }
    // An error is written before its id is known; a body that was compressed since is left alone.
    if !response.headers().contains_key(CONTENT_ENCODING)
        && let Some(error) = response.extensions_mut().remove::<ApiError>()
    {
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = ResponseBody::own(error.body(Some(id)));
    }
    response
}

#[cfg(test)]
mod tests;
