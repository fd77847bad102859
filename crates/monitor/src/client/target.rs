//! A service behind HTTP that is asked again and again, over connections that are kept.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use redstart_connection::Tasks;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::Place;

/// A service behind HTTP that is asked again and again, over connections that are kept.
///
/// Redirects are not followed, and no proxy is asked.
///
/// # Limits
///
/// At most as many connections are open as it was made with; who finds them all busy waits.
pub struct HttpTarget {
    place: Place,
    /// The path that all paths stand behind.
    base: String,
    idle: Mutex<Vec<Sender>>,
    permits: Semaphore,
    waits: AtomicU64,
    opened: AtomicU64,
    tasks: Tasks,
}

type Sender = SendRequest<Full<Bytes>>;

/// One request to an [`HttpTarget`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it is what HTTP says a request is")]
pub struct HttpRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The path and the query, behind those of the target.
    pub path: String,
    /// Header fields.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// What a service answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpReply {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    headers: http::HeaderMap,
}

/// Why there was no answer; it names no address, since some are secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HttpFailure {
    /// There was none within this time.
    Timeout(Duration),
    /// No connection came up.
    Connect(String),
    /// The connection broke, or what came was no answer.
    Broken(String),
    /// The address or the request makes no sense.
    Invalid(String),
}

impl HttpTarget {
    /// A service at `http://host[:port][/path]`, or at `https://` in a build with TLS; at most so many
    /// connections are open at once.
    ///
    /// # Errors
    ///
    /// Fails when the address makes no sense.
    pub fn new(address: &str, connections: usize) -> Result<Self, HttpFailure> {
        let uri: Uri =
            address.trim().parse().map_err(|error: http::uri::InvalidUri| invalid(address, &error))?;
        let place = Place::of(&uri).map_err(|why| invalid(address, &why))?;
        let base = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            place,
            base,
            idle: Mutex::default(),
            permits: Semaphore::new(connections.max(1)),
            waits: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            tasks: Tasks::new(),
        })
    }

    /// Sends a request, and reads an answer of `most` bytes at most, all of it `within` so long.
    ///
    /// # Errors
    ///
    /// Fails when there is no whole answer in time; an answer of any status is one.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the service may have received the request; its connection is closed.
    pub async fn send(
        &self,
        request: HttpRequest,
        within: Duration,
        most: usize,
    ) -> Result<HttpReply, HttpFailure> {
        let exchange = timeout(within, self.exchange(request, most)).await;
        exchange.unwrap_or(Err(HttpFailure::Timeout(within)))
    }

    /// How often somebody found all connections busy, since the beginning.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    /// How many connections were opened since the beginning.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    async fn exchange(&self, request: HttpRequest, most: usize) -> Result<HttpReply, HttpFailure> {
        let request = self.request(request)?;
        let _permit = self.permit().await?;
        while let Some(mut kept) = self.kept() {
            // A kept connection may have been closed meanwhile, which shows when it is used.
            if kept.ready().await.is_err() {
                continue;
            }
            match kept.try_send_request(request.clone()).await {
                Ok(response) => return self.read(response, kept, most).await,
                Err(mut error) => {
                    if error.take_message().is_none() {
                        return Err(broken(error.error()));
                    }
                }
            }
        }
        let mut fresh = self.connect().await?;
        let response = fresh.send_request(request).await.map_err(|error| broken(&error))?;
        self.read(response, fresh, most).await
    }

    fn request(&self, request: HttpRequest) -> Result<Request<Full<Bytes>>, HttpFailure> {
        let HttpRequest { method, path, headers, body } = request;
        let wrong = |what: &str, why: &dyn fmt::Display| HttpFailure::Invalid(format!("{what}: {why}"));
        let target = match format!("{}{path}", self.base) {
            empty if empty.is_empty() => "/".to_owned(),
            target => target,
        };
        let mut built = Request::new(Full::new(Bytes::from(body)));
        *built.method_mut() =
            Method::from_bytes(method.as_bytes()).map_err(|why| wrong("the method", &why))?;
        *built.uri_mut() = target.parse().map_err(|why| wrong("the path", &why))?;
        let host = HeaderValue::from_str(&self.place.authority).map_err(|why| wrong("the host", &why))?;
        built.headers_mut().insert(header::HOST, host);
        for (name, value) in headers {
            let field = HeaderName::try_from(&name).map_err(|why| wrong(&name, &why))?;
            let value = HeaderValue::try_from(value).map_err(|why| wrong(&name, &why))?;
            built.headers_mut().insert(field, value);
        }
        Ok(built)
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, HttpFailure> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.permits.acquire().await.map_err(|closed| HttpFailure::Broken(closed.to_string()))
    }

    fn kept(&self) -> Option<Sender> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn connect(&self) -> Result<Sender, HttpFailure> {
        let stream = TcpStream::connect((&*self.place.host, self.place.port))
            .await
            .map_err(|error| HttpFailure::Connect(format!("no connection: {error}")))?;
        // Requests are small and waited for.
        stream.set_nodelay(true).map_err(|error| HttpFailure::Connect(error.to_string()))?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "tls")]
        if self.place.is_tls {
            let wrapped = super::tls::wrap(&self.place.host, stream).await;
            return self.shake(wrapped.map_err(|why| HttpFailure::Connect(why.to_string()))?).await;
        }
        self.shake(stream).await
    }

    async fn shake<S>(&self, stream: S) -> Result<Sender, HttpFailure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        self.tasks.spawn_to_end(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended");
            }
        });
        Ok(sender)
    }

    async fn read(
        &self,
        response: http::Response<hyper::body::Incoming>,
        sender: Sender,
        most: usize,
    ) -> Result<HttpReply, HttpFailure> {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return HttpFailure::Broken(format!("the answer is longer than {most} bytes"));
            }
            HttpFailure::Broken(format!("the answer broke off: {error}"))
        })?;
        if !sender.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
        Ok(HttpReply { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() })
    }
}

impl HttpReply {
    /// A header field, where it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget").field("opened", &self.opened()).finish_non_exhaustive()
    }
}

impl fmt::Display for HttpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(within) => write!(f, "no answer within {within:?}"),
            Self::Connect(why) | Self::Broken(why) | Self::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for HttpFailure {}

fn invalid(address: &str, why: &dyn fmt::Display) -> HttpFailure {
    HttpFailure::Invalid(format!("{address:?} is no address: {why}; right would be http://127.0.0.1:3000"))
}

fn broken(error: &hyper::Error) -> HttpFailure {
    HttpFailure::Broken(format!("the connection broke: {error}"))
}
