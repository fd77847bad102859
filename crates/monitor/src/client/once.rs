//! One request, one connection, one deadline.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

#[cfg(feature = "tls")]
use super::tls;
use super::{Failure, Place};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    #[cfg_attr(not(feature = "webhook"), expect(dead_code, reason = "the gate asks for no rest"))]
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends a request with an absolute address, and reads an answer of `most` bytes at most.
///
/// Redirects are not followed, and no proxy is asked.
pub(crate) async fn send(request: Request<Bytes>, within: Duration, most: usize) -> Result<Reply, Failure> {
    let exchange = timeout(within, exchange(request, most)).await;
    exchange.unwrap_or_else(|_| Err(Failure(format!("no answer within {within:?}"))))
}

async fn exchange(request: Request<Bytes>, most: usize) -> Result<Reply, Failure> {
    let (mut parts, body) = request.into_parts();
    #[cfg(feature = "tls")]
    let Place { host, port, authority, is_tls } = Place::of(&parts.uri)?;
    #[cfg(not(feature = "tls"))]
    let Place { host, port, authority } = Place::of(&parts.uri)?;
    let value = authority.parse().map_err(|_| Failure("its host makes no header".to_owned()))?;
    parts.headers.insert(header::HOST, value);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse().map_err(|_| Failure("its path makes no sense".to_owned()))?;
    let request = Request::from_parts(parts, Full::new(body));

    let stream = TcpStream::connect((&*host, port)).await.map_err(unreachable)?;
    #[cfg(feature = "tls")]
    if is_tls {
        return converse(tls::wrap(&host, stream).await?, request, most).await;
    }
    converse(stream, request, most).await
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>, most: usize) -> Result<Reply, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let asked = async {
        let (parts, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return Failure(format!("the answer is longer than {most} bytes"));
            }
            Failure(format!("the answer broke off: {error}"))
        })?;
        Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    };
    // The connection is driven beside the request, and ends with it.
    tokio::pin!(asked);
    tokio::select! {
        biased;
        reply = &mut asked => reply,
        ended = connection => match ended {
            Ok(()) => asked.await,
            Err(error) => Err(broken(error)),
        },
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreachable(error: io::Error) -> Failure {
    Failure(format!("no connection: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn broken(error: hyper::Error) -> Failure {
    Failure(format!("the connection broke: {error}"))
}
