//! Bodies that a layer has read, wholly or to a bound.

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

/// A body of which a layer may have read the beginning, or all.
///
/// Only bodies that are [`Unpin`] fit, which those of axum, hyper and tonic are; box another.
pub struct ReadBody<B> {
    read: Option<Bytes>,
    frame: Option<Frame<Bytes>>,
    rest: Option<B>,
}

/// What came of reading a body to a bound.
pub(crate) enum Reading<B> {
    /// All of it.
    Whole(Bytes),
    /// It is larger, or ends in trailers; what was read comes again before the rest.
    More(ReadBody<B>),
}

impl<B> ReadBody<B> {
    /// A body that nobody has read.
    pub(crate) const fn unread(body: B) -> Self {
        Self { read: None, frame: None, rest: Some(body) }
    }

    /// A body that was read to its end.
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self { read: Some(bytes), frame: None, rest: None }
    }
}

/// Reads `body` to its end, or until it has more than `most` bytes.
pub(crate) async fn read_to<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    most: usize,
) -> Result<Reading<B>, B::Error> {
    let mut read = BytesMut::new();
    loop {
        let mut pinned = pin!(&mut body);
        let frame = poll_fn(|cx| Pin::new(&mut **pinned).poll_frame(cx)).await;
        let Some(frame) = frame else { return Ok(Reading::Whole(read.freeze())) };
        match frame?.into_data() {
            Ok(data) => read.extend_from_slice(&data),
            Err(trailers) => {
                let read = Some(read.freeze());
                return Ok(Reading::More(ReadBody { read, frame: Some(trailers), rest: Some(body) }));
            }
        }
        if most < read.len() {
            let read = Some(read.freeze());
            return Ok(Reading::More(ReadBody { read, frame: None, rest: Some(body) }));
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ReadBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let read = this.read.take().filter(|read| !read.is_empty()).map(Frame::data);
        if let Some(frame) = read.or_else(|| this.frame.take()) {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut this.rest {
            Some(rest) => Pin::new(rest).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.as_ref().is_none_or(Bytes::is_empty)
            && self.frame.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.read.as_ref().map_or(0, Bytes::len);
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        let mut hint = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint.set_lower(hint.lower().saturating_add(read));
        hint
    }
}

impl<B> fmt::Debug for ReadBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = self.read.as_ref().map_or(0, Bytes::len);
        write!(f, "ReadBody({read} bytes read, more: {})", self.rest.is_some())
    }
}
