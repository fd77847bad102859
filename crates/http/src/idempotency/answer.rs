//! A response as it is kept for repeats.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response::Parts};

/// The form of what follows; another one is not read.
const FORM: u8 = 1;

/// Fields that belong to a connection or a moment, and not to an answer.
const NOT_KEPT: [HeaderName; 7] = [
    header::CONNECTION,
    header::DATE,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A response as it is kept for repeats.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeptAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// None where it was too large to be kept.
    pub(super) body: Option<Bytes>,
}

impl KeptAnswer {
    pub(super) fn new(parts: &Parts, body: Option<Bytes>) -> Self {
        let mut headers = parts.headers.clone();
        for name in NOT_KEPT {
            headers.remove(name);
        }
        Self { status: parts.status, headers, body }
    }

    /// Writes form, status, whether there is a body, the fields, and the body up to the end.
    pub(super) fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(256 + self.body.as_ref().map_or(0, Bytes::len));
        out.put_u8(FORM);
        out.put_u16(self.status.as_u16());
        out.put_u8(u8::from(self.body.is_some()));
        out.put_u32(length(self.headers.len()));
        for (name, value) in &self.headers {
            for part in [name.as_str().as_bytes(), value.as_bytes()] {
                out.put_u32(length(part.len()));
                out.put_slice(part);
            }
        }
        out.put_slice(self.body.as_deref().unwrap_or_default());
        out.freeze()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; none where another program wrote it.
    pub(super) fn read(bytes: &Bytes) -> Option<Self> {
        let mut rest = Rest(bytes.clone());
        if rest.number(1)? != u32::from(FORM) {
            return None;
        }
        let status = StatusCode::from_u16(rest.number(2)?.try_into().ok()?).ok()?;
        let has_body = rest.number(1)? == 1;
        let mut headers = HeaderMap::new();
        for _ in 0..rest.number(4)? {
            let length = rest.number(4)?;
            let name = HeaderName::from_bytes(&rest.take(length)?).ok()?;
            let length = rest.number(4)?;
            headers.append(name, HeaderValue::from_bytes(&rest.take(length)?).ok()?);
        }
        Some(Self { status, headers, body: has_body.then_some(rest.0) })
    }
}

/// What has not been read yet.
struct Rest(Bytes);

impl Rest {
    fn take(&mut self, count: u32) -> Option<Bytes> {
        let count = usize::try_from(count).ok().filter(|count| *count <= self.0.len())?;
        Some(self.0.split_to(count))
    }

    fn number(&mut self, bytes: u32) -> Option<u32> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}

/// No header and no count of headers comes near four gigabytes.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[test]
    fn answer_is_read_as_it_was_written() {
        let response = Response::builder().status(201).header("x-a", "1").header("x-a", "2");
        let response = response.header("date", "today").header("content-type", "text/plain");
        let (parts, ()) = response.body(()).unwrap().into_parts();
        for body in [None, Some(Bytes::new()), Some(Bytes::from_static(b"\x00\xff body"))] {
            let kept = KeptAnswer::new(&parts, body);
            assert_eq!(KeptAnswer::read(&kept.to_bytes()).unwrap(), kept);
            assert!(!kept.headers.contains_key("date"));
            assert_eq!(kept.headers.get_all("x-a").iter().count(), 2);
        }
    }

    #[test]
    fn cut_or_foreign_bytes_are_no_answer() {
        let (parts, ()) = Response::builder().header("x-a", "1").body(()).unwrap().into_parts();
        let bytes = KeptAnswer::new(&parts, None).to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(KeptAnswer::read(&bytes.slice(..end)), None, "{end}");
        }
        assert_eq!(KeptAnswer::read(&Bytes::from_static(b"{\"status\":200}")), None);
    }
}
