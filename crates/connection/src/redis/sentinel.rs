//! Sentinels: who is the master, and when that changes.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{PushInfo, PushKind, Value};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    dial::{Dialer, Dialled},
    node::Node,
    supervisor::full_jitter,
};
use crate::{Error, Event, Result, config::Address, events::Announcer};

/// How long a sentinel may take to answer before the next one is asked.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the master is asked for even when nobody says that it has changed.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The sentinels that watch one master.
pub(crate) struct Sentinels {
    name: String,
    addresses: Vec<Address>,
    dialer: Dialer,
    /// The sentinel that answered last.
    favourite: AtomicUsize,
    /// The master that was found last.
    known: Mutex<Option<Address>>,
    /// The master for which the connections were last looked through; at first the one that they began with.
    compared: Mutex<Option<Address>>,
    announcer: Announcer,
    followed: AtomicBool,
}

impl Sentinels {
    pub(crate) fn new(
        name: String,
        addresses: Vec<Address>,
        dialer: Dialer,
        announcer: Announcer,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            addresses,
            dialer,
            favourite: AtomicUsize::new(0),
            known: Mutex::new(None),
            compared: Mutex::new(None),
            announcer,
            followed: AtomicBool::new(false),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the master is, by the first sentinel that knows.
    pub(crate) async fn master(&self) -> Result<Address> {
        let first = self.favourite.load(Ordering::Relaxed);
        let mut causes = Vec::new();
        for turn in 0..self.addresses.len() {
            let index = (first + turn) % self.addresses.len();
            match self.ask(&self.addresses[index]).await {
                Ok(address) => {
                    self.favourite.store(index, Ordering::Relaxed);
                    self.note(&address);
                    return Ok(address);
                }
                Err(error) => causes.push(error.to_string()),
            }
        }
        Err(Error::unavailable(format!("no sentinel knows the master {}: {}", self.name, causes.join("; "))))
    }

    /// Tells of a master that is not the one before.
    fn note(&self, master: &Address) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_some_and(|known| known != master) {
            self.announcer.announce(Event::Failover { to: master.to_string() });
        }
        *known = Some(master.clone());
        self.compared.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| master.clone());
    }

    async fn ask(&self, sentinel: &Address) -> Result<Address> {
        let asking = async {
            let Dialled { mut connection, .. } = self.dialer.dial(sentinel).await?;
            let mut question = redis::cmd("SENTINEL");
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
            connection
                .send_packed_command(&question)
                .await
                .map_err(|error| super::classify::classify(&error).0)
        };
        let answer = timeout(PATIENCE.max(self.dialer.handshake_timeout()), asking)
            .await
            .map_err(|_| Error::unavailable(format!("the sentinel {sentinel} does not answer")))??;
        match answer {
            Value::Array(parts) => parse_address(&parts)
                .ok_or_else(|| Error::protocol(format!("the sentinel {sentinel} names no address"))),
            _ => Err(Error::unavailable(format!("the sentinel {sentinel} does not know {}", self.name))),
        }
    }

    /// Watches for a change of the master from now on, where nobody does yet.
    pub(crate) fn follow(self: &Arc<Self>, node: &Arc<Node>) {
        if self.followed.swap(true, Ordering::AcqRel) {
            return;
        }
        let following = Following(Arc::clone(self));
        let node = Arc::clone(node);
        let tasks = node.common.tasks.clone();
        tasks.spawn("sentinel watch", async move {
            let mut turn = following.0.favourite.load(Ordering::Relaxed);
            loop {
                following.0.watch(turn, &node).await;
                // Whatever ended the subscription, the change may be what was missed.
                following.0.compare(&node).await;
                sleep(full_jitter(Duration::from_secs(1))).await;
                turn += 1;
            }
        });
    }

    /// Listens to one sentinel until it falls silent.
    async fn watch(&self, turn: usize, node: &Node) {
        let sentinel = &self.addresses[turn % self.addresses.len()];
        let (sender, mut news) = mpsc::unbounded_channel();
        let Ok(Dialled { mut connection, .. }) = self.dialer.dial_for_news(sentinel, sender).await else {
            return;
        };
        let mut subscribe = redis::cmd("SUBSCRIBE");
        subscribe.arg("+switch-master");
        if timeout(PATIENCE, connection.send_packed_command(&subscribe)).await.is_err() {
            return;
        }
        // What happened since the connections were opened was told before anybody listened.
        self.compare(node).await;
        loop {
            match timeout(CHECK_EVERY, news.recv()).await {
                Ok(None) => return,
                Ok(Some(news)) if news.kind == PushKind::Disconnection => return,
                Ok(Some(news)) if self.is_about_us(&news) => self.compare(node).await,
                Ok(Some(_)) => {}
                Err(_) => {
                    let ping = redis::cmd("PING");
                    if !matches!(timeout(PATIENCE, connection.send_packed_command(&ping)).await, Ok(Ok(_))) {
                        return;
                    }
                    self.compare(node).await;
                }
            }
        }
    }

    /// `<name> <old host> <old port> <new host> <new port>`
    fn is_about_us(&self, news: &PushInfo) -> bool {
        let Some(Value::BulkString(text)) = news.data.last() else { return false };
        news.kind == PushKind::Message
            && text.strip_prefix(self.name.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
    }

    /// Leaves a server that is not the master any more.
    async fn compare(&self, node: &Node) {
        let Ok(master) = self.master().await else { return };
        let before = {
            let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
            compared.replace(master.clone())
        };
        if before.is_some_and(|before| before != master) {
            node.replace_all("failover");
        }
    }
}

/// Held by the watching task; whatever ends it, the next caller starts another.
struct Following(Arc<Sentinels>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.followed.store(false, Ordering::Release);
    }
}

fn parse_address(parts: &[Value]) -> Option<Address> {
    let text = |value: &Value| match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    };
    match parts {
        [host, port] => Some(Address::tcp(text(host)?, text(port)?.parse().ok()?)),
        _ => None,
    }
}
