//! Messages of a channel, heard by whoever listens at the moment.

use std::{fmt, time::Duration};

use bytes::Bytes;
use redis::{PushInfo, PushKind, aio::MultiplexedConnection};
use redstart_keys::Key;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::{sleep, timeout},
};

use crate::{
    Error, Result, Store,
    redis::{Dialled, classify, full_jitter},
};

/// How often a silent connection is asked for a sign of life.
const CHECK_EVERY: Duration = Duration::from_secs(5);
const BACKOFF_BASE: Duration = Duration::from_millis(50);
const BACKOFF_CAP: Duration = Duration::from_secs(1);

/// Listens to one channel, on a connection of its own.
///
/// Nothing is kept for a listener that is away: what is sent while the connection is down is lost, and
/// [`Heard::Attached`] tells that this may have happened. So it serves to be woken early, never to learn
/// what happened; for that there is the [`Feed`](crate::Feed).
///
/// # Limits
///
/// Only servers that are reached directly: the embedded store and REST have no channels. In a cluster
/// messages reach listeners of every node.
pub struct Subscription {
    store: Store,
    channel: Key,
    line: Option<Line>,
    failures: u32,
}

/// What a listener hears.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a listener must handle each; there is no third")]
pub enum Heard {
    /// From here on nothing is missed; what was sent before may have been.
    Attached,
    /// A message.
    Message(Bytes),
}

/// A connection on which the server sends messages.
struct Line {
    connection: MultiplexedConnection,
    news: UnboundedReceiver<PushInfo>,
}

impl Subscription {
    /// A listener of `channel`, named as a key is; it attaches with the first [`Subscription::next`].
    #[must_use]
    pub const fn open(store: Store, channel: Key) -> Self {
        Self { store, channel, line: None, failures: 0 }
    }

    /// Waits for the next message, as long as it takes.
    ///
    /// # Errors
    ///
    /// Fails while the server is away; call it again, it paces itself and attaches anew.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when this is dropped midway, save while it attaches.
    pub async fn next(&mut self) -> Result<Heard> {
        let Some(line) = &mut self.line else {
            return self.attach().await;
        };
        let heard = line.next().await;
        if heard.is_err() {
            self.line = None;
        }
        heard.map(Heard::Message)
    }

    async fn attach(&mut self) -> Result<Heard> {
        if self.failures > 0 {
            sleep(full_jitter(BACKOFF_BASE.saturating_mul(1 << self.failures.min(8)).min(BACKOFF_CAP))).await;
        }
        self.failures += 1;
        self.line = Some(self.dial().await?);
        self.failures = 0;
        Ok(Heard::Attached)
    }

    async fn dial(&self) -> Result<Line> {
        let link =
            self.store.link().ok_or_else(|| Error::unsupported("the embedded store has no channels"))?;
        let name = link.name(&self.channel);
        let node = link.node(link.slot(&name), false).await?;
        let (sender, news) = mpsc::unbounded_channel();
        let Dialled { mut connection, .. } = node.dial_for_news(sender).await?;
        let mut subscribe = redis::cmd("SUBSCRIBE");
        subscribe.arg(name);
        let patience = link.common.dialer.handshake_timeout();
        timeout(patience, connection.send_packed_command(&subscribe))
            .await
            .map_err(|_| Error::unavailable(format!("{node} did not answer to a subscription")))?
            .map_err(|error| classify(&error).0)?;
        Ok(Line { connection, news })
    }
}

impl Line {
    async fn next(&mut self) -> Result<Bytes> {
        let gone = || Error::unavailable("the connection of a subscription is gone");
        loop {
            match timeout(CHECK_EVERY, self.news.recv()).await {
                Ok(Some(news)) if news.kind == PushKind::Message => {
                    if let Some(redis::Value::BulkString(message)) = news.data.into_iter().next_back() {
                        return Ok(message.into());
                    }
                }
                Ok(Some(news)) if news.kind != PushKind::Disconnection => {}
                Ok(_) => return Err(gone()),
                Err(_) => {
                    let ping = redis::cmd("PING");
                    let answer = timeout(CHECK_EVERY, self.connection.send_packed_command(&ping)).await;
                    answer.map_err(|_| gone())?.map_err(|error| classify(&error).0)?;
                }
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_attached = self.line.is_some();
        f.debug_struct("Subscription")
            .field("channel", &self.channel)
            .field("is_attached", &is_attached)
            .finish_non_exhaustive()
    }
}
