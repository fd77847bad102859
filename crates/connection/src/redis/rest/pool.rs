//! Connections for HTTP, each for one request at a time.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    runtime::{self, Handle},
    sync::{Semaphore, oneshot},
    time::{Instant, timeout_at},
};

use super::endpoint::Endpoint;
use crate::{
    Certainty, Error, ErrorKind, Result,
    clock::{deadline_in, runtime_now},
    redis::{
        common::Common,
        dial::{Identity, Renewal},
    },
};

/// How many connections may be being opened at once.
const DIALLING: usize = 8;
/// After which rest a connection is not trusted; servers close those that rest for a minute or more.
const MAX_REST: Duration = Duration::from_secs(50);

/// The connections that rest.
pub(super) struct Pool {
    common: Arc<Common>,
    endpoint: Endpoint,
    resting: Mutex<Vec<Connection>>,
    dialling: Arc<Semaphore>,
}

/// A connection that its holder has alone.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    authorization: HeaderValue,
    identity: Identity,
    opened: Instant,
    checked: Instant,
    used: Instant,
    /// The one that drives it; on another it might stand still.
    runtime: runtime::Id,
    is_fresh: bool,
}

/// What came back.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why nothing came back.
pub(super) enum Failure {
    /// The connection was gone already; the request may take another one.
    Unsent(Box<Request<Full<Bytes>>>),
    /// Whatever became of the request is not known, or told by the error.
    Broken(Error),
}

impl Pool {
    pub(super) fn new(common: &Arc<Common>, endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self {
            common: Arc::clone(common),
            endpoint,
            resting: Mutex::default(),
            dialling: Arc::new(Semaphore::new(DIALLING)),
        })
    }

    /// A connection that rests, or a new one; waits at most the connect time-out.
    ///
    /// A new one is opened in the background, so that it serves the next call where it came too late for
    /// this one.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Connection> {
        let within = self.common.connect_timeout;
        match timeout_at(deadline_in(within), self.rested_or_new()).await {
            Ok(taken) => taken,
            Err(_) => Err(Error::unavailable(format!("no connection within {within:?}"))),
        }
    }

    async fn rested_or_new(self: &Arc<Self>) -> Result<Connection> {
        if let Some(connection) = self.rested().await {
            return Ok(connection);
        }
        let turn = Arc::clone(&self.dialling).acquire_owned().await.map_err(|_| Error::shutdown())?;
        if let Some(connection) = self.rested().await {
            return Ok(connection);
        }
        let (tell, told) = oneshot::channel();
        let pool = Arc::clone(self);
        let begun = self.common.tasks.spawn("rest connection", async move {
            let opened = pool.open().await;
            drop(turn);
            if let Err(Ok(unwanted)) = tell.send(opened) {
                pool.give_back(unwanted);
            }
        });
        if !begun {
            return Err(Error::shutdown());
        }
        told.await.unwrap_or_else(|_| Err(Error::shutdown()))
    }

    /// The connection that was used last, if it is still good.
    async fn rested(&self) -> Option<Connection> {
        loop {
            let mut connection = self.pop()?;
            let now = runtime_now();
            let is_old = now.saturating_duration_since(connection.used) >= MAX_REST
                || now.saturating_duration_since(connection.opened) >= self.common.pool.max_age;
            if is_old || !self.is_up_to_date(&mut connection, now).await {
                continue;
            }
            if connection.sender.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    fn pop(&self) -> Option<Connection> {
        let here = Handle::current().id();
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|connection| !connection.sender.is_closed());
        let last = resting.iter().rposition(|connection| connection.runtime == here)?;
        Some(resting.remove(last))
    }

    /// Whether the token and the certificates are still those that it was opened with.
    async fn is_up_to_date(&self, connection: &mut Connection, now: Instant) -> bool {
        let Some(interval) = self.common.dialer.check_interval() else { return true };
        if now.saturating_duration_since(connection.checked) < interval {
            return true;
        }
        connection.checked = now;
        matches!(self.common.dialer.renewal(&connection.identity).await, Ok(Renewal::None))
    }

    async fn open(&self) -> Result<Connection> {
        let Endpoint { address, .. } = &self.endpoint;
        let (socket, identity) = self.common.dialer.socket(address).await?;
        let (sender, driver) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|error| Error::unavailable(format!("cannot connect to {address}: {error}")))?;
        self.common.tasks.spawn("rest connection", async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "an HTTP connection ended");
            }
        });
        let now = runtime_now();
        Ok(Connection {
            sender,
            authorization: authorization(&identity)?,
            identity,
            opened: now,
            checked: now,
            used: now,
            runtime: Handle::current().id(),
            is_fresh: true,
        })
    }

    /// Keeps a connection for whoever comes next.
    pub(super) fn give_back(&self, connection: Connection) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    /// Closes all connections that rest.
    pub(super) fn clear(&self) {
        drop(mem::take(&mut *self.resting.lock().unwrap_or_else(PoisonError::into_inner)));
    }
}

impl Connection {
    /// Sends a request and reads what comes back; the connection comes back too, where it is as good as
    /// before.
    ///
    /// Dropped midway, the connection is closed.
    pub(super) async fn post(
        mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response, Self), Failure> {
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.clone());
        let response = match self.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                return Err(match error.take_message() {
                    // A new one that is gone at once is a fault of the server.
                    Some(_) if self.is_fresh => Failure::Broken(Error::unavailable(
                        "the server closed a new connection before it took a request",
                    )),
                    Some(request) => Failure::Unsent(Box::new(request)),
                    None => Failure::Broken(broken(error.into_error())),
                });
            }
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Failure::Broken(broken(error)))?.to_bytes();
        (self.is_fresh, self.used) = (false, runtime_now());
        Ok((Response { status: parts.status, headers: parts.headers, body }, self))
    }
}

fn broken(error: hyper::Error) -> Error {
    Error::new(ErrorKind::Connection, Certainty::Unknown, "the connection broke").with_source(error)
}

fn authorization(identity: &Identity) -> Result<HeaderValue> {
    let token = identity.secret().unwrap_or_default();
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        Error::new(ErrorKind::Auth, Certainty::NotSent, "the token holds a character that no token has")
    })?;
    header.set_sensitive(true);
    Ok(header)
}
