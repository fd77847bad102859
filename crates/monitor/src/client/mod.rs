//! A small client for HTTP: one request, one connection, one deadline.

mod target;
#[cfg(feature = "tls")]
mod tls;

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

pub use self::target::{HttpFailure, HttpReply, HttpRequest, HttpTarget};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    #[cfg_attr(not(feature = "webhook"), expect(dead_code, reason = "the gate asks for no rest"))]
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why nothing came back; it names no address, since addresses of webhooks are secrets.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// Where requests to an address go.
#[derive(Debug)]
pub(crate) struct Place {
    /// As a socket wants it: an address of version 6 without its brackets.
    host: String,
    port: u16,
    /// As the header `Host` wants it.
    authority: String,
    #[cfg(feature = "tls")]
    is_tls: bool,
}

/// Sends a request with an absolute address, and reads an answer of `most` bytes at most.
///
/// Redirects are not followed, and no proxy is asked.
pub(crate) async fn send(request: Request<Bytes>, within: Duration, most: usize) -> Result<Reply, Failure> {
    let exchange = timeout(within, exchange(request, most)).await;
    exchange.unwrap_or_else(|_| Err(Failure(format!("no answer within {within:?}"))))
}

/// Whether requests can be sent there, and if not, why.
pub(crate) fn check(address: &Uri) -> Result<(), Failure> {
    host(address)?;
    match address.scheme_str() {
        Some("http") => Ok(()),
        #[cfg(feature = "tls")]
        Some("https") => Ok(()),
        #[cfg(not(feature = "tls"))]
        Some("https") => Err(Failure("this build speaks no TLS; enable the feature `tls-ring`".to_owned())),
        _ => Err(Failure("it must begin with https:// or http://".to_owned())),
    }
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

impl Place {
    fn of(address: &Uri) -> Result<Self, Failure> {
        check(address)?;
        let is_tls = address.scheme_str() == Some("https");
        let host = host(address)?;
        let authority = match address.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: address.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority,
            #[cfg(feature = "tls")]
            is_tls,
        })
    }
}

fn host(address: &Uri) -> Result<&str, Failure> {
    address.host().ok_or_else(|| Failure("it names no host".to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreachable(error: io::Error) -> Failure {
    Failure(format!("no connection: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn broken(error: hyper::Error) -> Failure {
    Failure(format!("the connection broke: {error}"))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
