//! The way of a command over HTTP.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;
use redis::{Cmd, Value};
use serde_json::Value as Json;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};

use super::{
    answer,
    endpoint::{Ask, Endpoint, SYNC_TOKEN},
    pool::{Failure, Pool},
    request::Writer,
};
use crate::{
    Certainty, Config, Error, ErrorKind, Result, Status,
    clock::deadline_in,
    redis::{
        account::{Account, Sent},
        breaker::Breaker,
        capabilities::Capabilities,
        common::Common,
        convert::convert,
        gather::{Carrier, Gather},
        node::Node,
        permits::{IN_FLIGHT, Permits},
        wanted::{Found, Wanted},
    },
    standby::Away,
};

/// How many requests may be under way at once, each on a connection of its own.
const REQUESTS: usize = 64;

/// A server behind HTTP.
pub(crate) struct Rest {
    common: Arc<Common>,
    description: String,
    endpoint: Endpoint,
    pool: Arc<Pool>,
    breaker: Breaker,
    permits: Permits,
    requests: Semaphore,
    gather: Gather,
    writer: Writer,
    /// What the server last said of how far it had come.
    sync: ArcSwapOption<HeaderValue>,
    asked: AtomicBool,
    /// Why the last request came to nothing; none when it was answered.
    down: Mutex<Option<String>>,
    appended: watch::Sender<u64>,
}

impl Rest {
    pub(crate) fn new(config: &Config, common: &Arc<Common>) -> Result<Arc<Self>> {
        let endpoint = Endpoint::new(config)?;
        let description = config.describe();
        let is_local = matches!(endpoint.address.host(), "localhost" | "127.0.0.1" | "::1");
        if config.tls.is_none() && !is_local {
            tracing::warn!(address = %description, "the token and all values travel unencrypted");
        }
        // Nobody watches over a server behind HTTP and would end a standby, so there is none.
        let away = Arc::new(Away::new(description.clone(), false, common.announcer.clone()));
        Ok(Arc::new(Self {
            pool: Pool::new(common, endpoint.clone()),
            breaker: Node::breaker(common, description.clone(), away),
            common: Arc::clone(common),
            description,
            endpoint,
            permits: Permits::default(),
            requests: Semaphore::new(REQUESTS),
            gather: Gather::default(),
            writer: Writer::default(),
            sync: ArcSwapOption::empty(),
            asked: AtomicBool::new(false),
            down: Mutex::default(),
            appended: watch::Sender::new(0),
        }))
    }

    /// Sends one command.
    pub(in crate::redis) async fn send(
        &self,
        cmd: &Cmd,
        deadline: Instant,
        account: &Account,
    ) -> Result<Value> {
        let _permit = self.permits.take().await?;
        self.carry_one(cmd, deadline, account).await
    }

    async fn carry_one(&self, cmd: &Cmd, deadline: Instant, account: &Account) -> Result<Value> {
        let body = self.writer.one(cmd)?;
        self.guarded(deadline, async {
            let (sent, answer) = self.exchange(Ask::One, body, account).await?;
            sent.settle(answer.and_then(answer::one))
        })
        .await
    }

    /// Sends several commands in one request; they are not one step for others.
    pub(in crate::redis) async fn send_all(
        &self,
        cmds: &[&Cmd],
        deadline: Instant,
        account: &Account,
    ) -> Result<Vec<Result<Value>>> {
        let body = self.writer.several(cmds)?;
        let _permit = self.permits.take().await?;
        self.guarded(deadline, async {
            let (sent, answer) = self.exchange(Ask::Several, body, account).await?;
            sent.settle_all(answer.and_then(|answer| answer::several(answer, cmds.len())))
        })
        .await
    }

    /// One read, together with those of other callers.
    pub(in crate::redis) async fn read(
        self: &Arc<Self>,
        wanted: Wanted<'_>,
        deadline: Instant,
        account: &Account,
    ) -> Result<Found> {
        let _permit = self.permits.take().await?;
        if self.permits.taken() <= 1 {
            let answer = self.carry_one(&wanted.command(), deadline, account).await;
            return answer.and_then(|value| wanted.read(value));
        }
        let sent = account.open();
        sent.settle(self.gather.ask(|| Arc::clone(self), &self.common.tasks, wanted, deadline).await)
    }

    /// Makes sure that the server is there and takes the token, and asks what it is.
    pub(crate) async fn greet(&self) -> Result<()> {
        let (mut server, mut memory) = (redis::cmd("INFO"), redis::cmd("INFO"));
        server.arg("server");
        memory.arg("memory");
        let asked = [&redis::cmd("PING"), &server, &memory];
        let deadline = deadline_in(self.common.dialer.handshake_timeout());
        let mut answers = self.send_all(&asked, deadline, &Account::default()).await?.into_iter();
        answers.next().unwrap_or(Ok(Value::Nil))?;
        // Not refused by its version: behind HTTP it tells that of a server that it resembles.
        let mut told = || answers.next().and_then(Result::ok);
        let capabilities = Capabilities::read(told().as_ref(), told().as_ref());
        self.common.learn(&self.description, capabilities);
        Ok(())
    }

    /// Sends one command that belongs to no call.
    pub(crate) async fn ask(&self, cmd: &Cmd, within: Duration) -> Result<crate::Value> {
        let deadline = deadline_in(within);
        match timeout_at(deadline, self.send(cmd, deadline, &Account::default())).await {
            Ok(answer) => answer.and_then(convert),
            Err(_) => Err(Error::timeout(within, Certainty::Unknown)),
        }
    }

    /// Sends a request and reads its answer; fails where nothing was sent.
    async fn exchange<'a>(
        &self,
        ask: Ask,
        body: Vec<u8>,
        account: &'a Account,
    ) -> Result<(Sent<'a>, Result<Json>)> {
        let _turn = self.requests.acquire().await.map_err(|_| Error::shutdown())?;
        let sync = self.sync.load_full();
        let mut request = self.endpoint.request(ask, Bytes::from(body), sync.as_deref());
        loop {
            let connection = self.pool.take().await?;
            let sent = account.open();
            match connection.post(request).await {
                Ok((response, connection)) => {
                    if let Some(token) = response.headers.get(SYNC_TOKEN) {
                        self.sync.store(Some(Arc::new(token.clone())));
                    }
                    let answer = answer::body(response.status, &response.body);
                    match &answer {
                        // There may be a new token by now, and it is asked for with a new connection.
                        Err(error) if error.kind() == ErrorKind::Auth => self.pool.clear(),
                        _ => self.pool.give_back(connection),
                    }
                    return Ok((sent, answer));
                }
                Err(Failure::Broken(error)) => return Ok((sent, Err(error))),
                Err(Failure::Unsent(unsent)) => {
                    drop(sent.settle::<()>(Err(Error::unavailable("the connection was gone already"))));
                    request = *unsent;
                }
            }
        }
    }

    /// Lets the breaker decide, and keeps how it went.
    async fn guarded<T>(&self, deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
        let admitted = self.breaker.admit(deadline)?;
        self.asked.store(true, Ordering::Relaxed);
        let outcome = work.await;
        let down = match &outcome {
            Err(error) if is_down(error.kind()) => Some(error.to_string()),
            _ => None,
        };
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = down;
        admitted.settle(outcome)
    }

    /// Adds what is known of this way to the server.
    pub(crate) fn status(&self, status: &mut Status) {
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = self.asked.load(Ordering::Relaxed);
        status.breaker = status.breaker.max(self.breaker.state());
        status.lanes = usize::from(asked);
        status.connected = usize::from(asked && down.is_none());
        status.in_flight = self.permits.taken();
        status.waiting = self.permits.waiting();
        status.permits = IN_FLIGHT;
        status.last_error = down;
    }

    /// Says that this process has added to a stream.
    pub(crate) fn tell_readers(&self) {
        self.appended.send_modify(|count| *count += 1);
    }

    /// Changes when this process has added to a stream.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}

impl Carrier for Arc<Rest> {
    fn gather(&self) -> &Gather {
        &self.gather
    }

    async fn carry(&self, cmd: &Cmd, deadline: Instant) -> Result<Value> {
        // Each caller has an account of its own.
        self.carry_one(cmd, deadline, &Account::default()).await
    }
}

const fn is_down(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable
            | ErrorKind::Connection
            | ErrorKind::Auth
            | ErrorKind::Config
            | ErrorKind::Protocol
    )
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}
