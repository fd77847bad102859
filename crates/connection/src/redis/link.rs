//! What all calls of a store share: where the server is, how to reach it, how names are written.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    aio::MultiplexedConnection,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use redstart_keys::{DigestKey, Key, Prefix};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::{classify::classify, exclusive::Exclusive, lane::Lane};
use crate::{Certainty, Clock, Config, Error, ErrorKind, Result, Tasks, events::Announcer};

/// How many requests the driver queues before its senders wait.
const PIPELINE_BUFFER: usize = 4096;

/// The way to one server.
pub(crate) struct Link {
    pub(crate) lanes: Box<[std::sync::Arc<Lane>]>,
    pub(crate) exclusive: Exclusive,
    pub(crate) prefix: Prefix,
    pub(crate) digest: DigestKey,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) announcer: Announcer,
    pub(crate) connect_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) changed: watch::Sender<u64>,
    next: AtomicUsize,
    client: Client,
    handshake_timeout: Duration,
}

impl Link {
    pub(crate) fn new(config: &Config, clock: Clock, tasks: Tasks, announcer: Announcer) -> Result<Self> {
        let client = Client::open(connection_info(config)?).map_err(|error| classify(&error).0)?;
        let lanes = (0..config.lanes.max(1)).map(|index| std::sync::Arc::new(Lane::new(index))).collect();
        Ok(Self {
            lanes,
            exclusive: Exclusive::new(config, client.clone()),
            prefix: config.prefix.clone(),
            digest: config.digest_key(),
            clock,
            tasks,
            announcer,
            connect_timeout: config.connect_timeout,
            command_timeout: config.command_timeout,
            changed: watch::Sender::new(0),
            next: AtomicUsize::new(0),
            client,
            handshake_timeout: config.handshake_timeout,
        })
    }

    /// Opens a connection and makes sure that a master is at its end.
    pub(crate) async fn connect(&self) -> Result<MultiplexedConnection> {
        let mut connection = open(&self.client, self.handshake_timeout).await?;
        let check = async {
            // Neither answer matters where the server forbids the question.
            let _named =
                connection.send_packed_command(redis::cmd("CLIENT").arg("SETNAME").arg("redstart")).await;
            connection.send_packed_command(&redis::cmd("ROLE")).await
        };
        let role = tokio::time::timeout(self.handshake_timeout, check).await;
        let role =
            role.map_err(|_| Error::unavailable("the server accepted the connection and fell silent"))?;
        match role.as_ref() {
            Ok(redis::Value::Array(parts)) if is_replica(parts) => {
                Err(Error::new(ErrorKind::ReadOnly, Certainty::NotSent, "the server is a replica"))
            }
            Ok(redis::Value::ServerError(error)) if error.code() == "LOADING" => {
                Err(Error::new(ErrorKind::Loading, Certainty::NotSent, "the server is loading its data"))
            }
            Err(error) if error.code() == Some("LOADING") || error.code() == Some("NOAUTH") => {
                Err(classify(error).0)
            }
            Ok(redis::Value::ServerError(error)) if error.code() == "NOAUTH" => {
                Err(Error::new(ErrorKind::Auth, Certainty::NotSent, "the server wants a password"))
            }
            Err(error) if error.code().is_none() => Err(classify(error).0),
            _ => Ok(connection),
        }
    }

    /// The next lane in turn.
    pub(super) fn turn(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len()
    }

    /// Tells the callers that wait for a lane to look again.
    pub(crate) fn lanes_changed(&self) {
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// The name of `key` on the server.
    pub(crate) fn name(&self, key: &Key) -> Vec<u8> {
        let mut name = Vec::with_capacity(64);
        key.render(&self.prefix, &self.digest, &mut name);
        name
    }
}

fn is_replica(role: &[redis::Value]) -> bool {
    matches!(role.first(), Some(redis::Value::BulkString(role)) if role == b"slave")
}

/// Opens a connection whose time-outs are the caller's.
pub(crate) async fn open(client: &Client, handshake_timeout: Duration) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(handshake_timeout))
        // The door has the one timer of a call.
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE_BUFFER);
    let opening = client.get_multiplexed_async_connection_with_config(&config);
    opening.await.map_err(|error| {
        let (error, _) = classify(&error);
        match error.kind() {
            ErrorKind::Connection => Error::unavailable(format!("cannot connect: {}", cause(&error))),
            _ => error,
        }
    })
}

fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn connection_info(config: &Config) -> Result<ConnectionInfo> {
    let address = ConnectionAddr::Tcp(config.host.clone(), config.port);
    let mut login = RedisConnectionInfo::default().set_db(i64::from(config.db));
    if let Some(username) = &config.username {
        login = login.set_username(username);
    }
    if let Some(password) = &config.password {
        login = login.set_password(password.expose_secret());
    }
    login = login.set_lib_name("redstart", env!("CARGO_PKG_VERSION"));
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(Duration::from_secs(20));
    let info = address.into_connection_info().map_err(|error| classify(&error).0)?;
    Ok(info.set_redis_settings(login).set_tcp_settings(tcp))
}
