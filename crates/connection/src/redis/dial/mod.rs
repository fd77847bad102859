//! Opening a connection: socket, encryption, login.

mod login;
mod stream;
mod tls;

use std::{sync::Arc, time::Duration};

use redis::{
    AsyncConnectionConfig, ProtocolVersion, PushInfo, RedisConnectionInfo, aio::MultiplexedConnection,
};
use secrecy::ExposeSecret;
#[cfg(feature = "rest")]
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, mpsc};

pub(crate) use self::login::Login;
use self::{stream::Stream, tls::Tls};
use super::classify::classify;
use crate::{
    BoxFuture, Config, Credentials, Error, ErrorKind, Result, Tasks, Timestamp, TlsConfig, config::Address,
};

/// How many requests the driver queues before its senders wait.
const PIPELINE_BUFFER: usize = 4096;

/// Opens connections, each with the credentials and certificates of its moment.
pub(crate) struct Dialer {
    login: Login,
    tls: Option<Tls>,
    db: u32,
    handshake_timeout: Duration,
    tasks: Tasks,
    /// The connections that may still be opened, of so many.
    connections: (Arc<Semaphore>, u32),
}

/// A connection, and what it was opened with.
pub(crate) struct Dialled {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) identity: Identity,
}

/// What a connection was opened with, to see when it is out of date.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    credentials: Option<Credentials>,
    certificates: u64,
}

/// What an identity that is out of date needs.
pub(crate) enum Renewal {
    /// It is up to date.
    None,
    /// The connection can log in anew.
    Login(Identity),
    /// Only a new connection has the new certificates.
    Reconnect,
}

impl Dialer {
    pub(crate) fn new(config: &Config, tasks: &Tasks) -> Result<Self> {
        let tls = config.tls.as_ref();
        // A handshake with certificates takes several round trips and some arithmetic.
        let least = if tls.is_some() { Duration::from_secs(3) } else { Duration::ZERO };
        Ok(Self {
            login: Login::new(config),
            tls: tls.map(Tls::load).transpose()?,
            db: if config.is_cluster() { 0 } else { config.db },
            handshake_timeout: config.handshake_timeout.max(least),
            tasks: tasks.clone(),
            connections: (Arc::clone(&config.connections), config.max_connections),
        })
    }

    /// The same way in with other credentials, for the sentinels.
    pub(crate) fn for_sentinels(config: &Config, tasks: &Tasks) -> Result<Self> {
        let login = Login::fixed(config.sentinel_credentials.clone());
        Ok(Self { login, db: 0, ..Self::new(config, tasks)? })
    }

    /// How many connections are open or being opened, and how many there may be.
    pub(crate) fn connections(&self) -> (usize, usize) {
        let (free, most) = &self.connections;
        let most = usize::try_from(*most).unwrap_or(usize::MAX);
        (most.saturating_sub(free.available_permits()), most)
    }

    /// When the first of the servers' certificates ends; none without TLS, and before the first handshake.
    pub(crate) fn first_certificate_end(&self) -> Option<Timestamp> {
        self.tls.as_ref().and_then(Tls::first_end)
    }

    /// How long opening a connection may take.
    pub(crate) const fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }

    /// How often what a connection was opened with is compared with what holds.
    pub(crate) fn check_interval(&self) -> Option<Duration> {
        let certificates = self.tls.as_ref().map(Tls::check_interval);
        [self.login.interval(), certificates].into_iter().flatten().min()
    }

    /// Opens a connection and logs in.
    pub(crate) async fn dial(&self, address: &Address) -> Result<Dialled> {
        self.open(address, AsyncConnectionConfig::new(), ProtocolVersion::RESP2).await
    }

    /// Opens a connection whose pushed messages go to `news`.
    pub(crate) async fn dial_for_news(
        &self,
        address: &Address,
        news: mpsc::UnboundedSender<PushInfo>,
    ) -> Result<Dialled> {
        self.open(address, AsyncConnectionConfig::new().set_push_sender(news), ProtocolVersion::RESP3).await
    }

    async fn open(
        &self,
        address: &Address,
        config: AsyncConnectionConfig,
        protocol: ProtocolVersion,
    ) -> Result<Dialled> {
        let config = config
            // The door has the one timer of a call.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        let opening = async {
            let identity = self.identity().await?;
            let stream = self.stream(address).await?;
            let info = self.login_info(&identity, protocol);
            let opened = MultiplexedConnection::new_with_config(&info, stream, config).await;
            let (connection, driver) = opened.map_err(|error| refused_at_the_door(address, &error))?;
            // Boxed, since its type names the borrowed login though it holds nothing of it.
            let driver: BoxFuture<'static, ()> = Box::pin(driver);
            Ok((Dialled { connection, identity }, driver))
        };
        let (dialled, driver) = tokio::time::timeout(self.handshake_timeout, opening)
            .await
            .map_err(|_| self.no_answer(address))??;
        if self.tasks.spawn_to_end(driver) { Ok(dialled) } else { Err(Error::shutdown()) }
    }

    /// Opens a socket for a protocol in which every request says who asks.
    #[cfg(feature = "rest")]
    pub(crate) async fn socket(
        &self,
        address: &Address,
    ) -> Result<(impl AsyncRead + AsyncWrite + Send + Unpin + 'static, Identity)> {
        let opening = async { Ok((self.stream(address).await?, self.identity().await?)) };
        tokio::time::timeout(self.handshake_timeout, opening)
            .await
            .unwrap_or_else(|_| Err(self.no_answer(address)))
    }

    fn no_answer(&self, address: &Address) -> Error {
        let within = self.handshake_timeout;
        Error::unavailable(format!("cannot connect to {address}: no answer within {within:?}"))
    }

    async fn stream(&self, address: &Address) -> Result<Stream> {
        let (free, most) = &self.connections;
        let permit = Arc::clone(free).try_acquire_owned().map_err(|_| {
            let what =
                format!("{address}: all {most} connections that REDIS_MAX_CONNECTIONS allows are open");
            Error::overloaded(what)
        })?;
        let plain = stream::connect(address, permit)
            .await
            .map_err(|error| Error::unavailable(format!("cannot connect to {address}: {error}")))?;
        match &self.tls {
            Some(tls) => tls.encrypt(plain, address).await,
            None => Ok(plain),
        }
    }

    /// Who logs in at this moment.
    pub(crate) async fn credentials(&self) -> Result<Option<Credentials>> {
        self.login.current().await
    }

    /// The number of the database.
    pub(crate) const fn db(&self) -> u32 {
        self.db
    }

    /// How connections are encrypted, for libraries that open their own.
    pub(crate) fn tls_for_others(&self) -> Result<Option<&TlsConfig>> {
        self.tls.as_ref().map(Tls::for_others).transpose()
    }

    async fn identity(&self) -> Result<Identity> {
        let credentials = self.credentials().await?;
        Ok(Identity { credentials, certificates: self.tls.as_ref().map_or(0, Tls::generation) })
    }

    /// Compares what a connection was opened with to what holds now.
    pub(crate) async fn renewal(&self, identity: &Identity) -> Result<Renewal> {
        let present = self.identity().await?;
        if present.certificates != identity.certificates {
            return Ok(Renewal::Reconnect);
        }
        let same = match (&present.credentials, &identity.credentials) {
            (None, None) => true,
            (Some(present), Some(former)) => present.same_as(former),
            _ => false,
        };
        Ok(if same { Renewal::None } else { Renewal::Login(present) })
    }

    fn login_info(&self, identity: &Identity, protocol: ProtocolVersion) -> RedisConnectionInfo {
        let mut info = RedisConnectionInfo::default()
            .set_db(i64::from(self.db))
            .set_protocol(protocol)
            .set_lib_name("redstart", env!("CARGO_PKG_VERSION"));
        if let Some(Credentials { username, password }) = &identity.credentials {
            info = info.set_password(password.expose_secret());
            if let Some(username) = username {
                info = info.set_username(username);
            }
        }
        info
    }
}

impl Identity {
    /// The password, or what stands for it.
    #[cfg(feature = "rest")]
    pub(crate) fn secret(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.password.expose_secret())
    }

    /// The command that logs a living connection in with these credentials.
    pub(crate) fn auth(&self) -> Option<redis::Cmd> {
        let Credentials { username, password } = self.credentials.as_ref()?;
        let mut auth = redis::cmd("AUTH");
        if let Some(username) = username {
            auth.arg(username);
        }
        auth.arg(password.expose_secret());
        Some(auth)
    }
}

fn refused_at_the_door(address: &Address, error: &redis::RedisError) -> Error {
    let (error, _) = classify(error);
    match error.kind() {
        ErrorKind::Connection => {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::unavailable(format!("cannot connect to {address}: {cause}"))
        }
        _ => error,
    }
}
