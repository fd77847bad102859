//! What another client needs to reach the same server.

use std::{fmt, fs, path::Path, time::Duration};

use secrecy::ExposeSecret;

use crate::{
    Certainty, Credentials, Error, ErrorKind, Result, Store, TlsConfig,
    config::Address,
    redis::{Dialer, Link, Route},
};

/// Where the server of a store is at this moment, and how to get in.
///
/// It is for libraries that open connections of their own, such as a job queue; what they send does not pass
/// the door. Two that are equal lead to the same place in the same way, so that such a library can be told
/// when to begin anew: after a failover, or when a secret has changed.
#[derive(Clone, Eq, PartialEq)]
pub struct Access {
    servers: Vec<(String, u16)>,
    is_cluster: bool,
    db: u32,
    username: Option<String>,
    password: Option<String>,
    tls: Option<TlsAccess>,
    handshake_timeout: Duration,
}

/// What TLS needs, as PEM.
#[derive(Clone, Eq, PartialEq)]
pub struct TlsAccess {
    authorities: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
}

impl Store {
    /// Asks where the server is now: the sentinels for the master, the provider for the secret, the disk for
    /// the certificates.
    ///
    /// Where connections are encrypted and the process has chosen no crypto provider for rustls, that of this
    /// build becomes its choice: libraries find none otherwise, or two.
    ///
    /// # Errors
    ///
    /// Fails with [`ErrorKind::Unsupported`] where there is no server that another client could talk to: on the
    /// embedded store, over REST and over a Unix socket; and with that of the sentinels, the provider or the
    /// files.
    pub async fn access(&self) -> Result<Access> {
        let Some(link) = self.link() else {
            return Err(Error::unsupported("the embedded store has no server; name one by REDIS_URL"));
        };
        let (addresses, is_cluster) = servers(link).await?;
        let servers = addresses.into_iter().map(|address| match address {
            Address::Tcp { host, port } => Ok((host, port)),
            Address::Unix(path) => Err(Error::unsupported(format!(
                "the Unix socket {} is for this toolkit alone; name the server by host and port",
                path.display()
            ))),
        });
        link.common.dialer.access(servers.collect::<Result<_>>()?, is_cluster).await
    }
}

async fn servers(link: &Link) -> Result<(Vec<Address>, bool)> {
    match &link.route {
        Route::One(node) => Ok((vec![node.present_address().await?], false)),
        Route::Cluster(cluster) => Ok((cluster.seeds().to_vec(), true)),
        Route::Rest(_) => {
            Err(Error::unsupported("REST leads to commands, not to a server; name one by REDIS_URL"))
        }
    }
}

impl Dialer {
    async fn access(&self, servers: Vec<(String, u16)>, is_cluster: bool) -> Result<Access> {
        let credentials = self.credentials().await?;
        let (username, password) = match credentials {
            Some(Credentials { username, password }) => (username, Some(password.expose_secret().to_owned())),
            None => (None, None),
        };
        Ok(Access {
            servers,
            is_cluster,
            db: self.db(),
            username,
            password,
            tls: self.tls_for_others()?.map(TlsAccess::read).transpose()?,
            handshake_timeout: self.handshake_timeout(),
        })
    }
}

impl Access {
    /// Host and port: of the one server, or of those of a cluster that were named.
    #[must_use]
    pub fn servers(&self) -> &[(String, u16)] {
        &self.servers
    }

    /// Whether the servers are those of a cluster.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// The number of the database.
    #[must_use]
    pub const fn db(&self) -> u32 {
        self.db
    }

    /// Who logs in, where that is said.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The secret of who logs in.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// What TLS needs; none for connections in plain text.
    #[must_use]
    pub const fn tls(&self) -> Option<&TlsAccess> {
        self.tls.as_ref()
    }

    /// How long opening a connection may take.
    #[must_use]
    pub const fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }
}

impl TlsAccess {
    fn read(config: &TlsConfig) -> Result<Self> {
        let identity = config.identity.as_ref();
        Ok(Self {
            authorities: config.ca_file.as_deref().map(content).transpose()?,
            identity: identity.map(|(chain, key)| Ok((content(chain)?, content(key)?))).transpose()?,
            server_name: config.server_name.clone(),
        })
    }

    /// The certificates of those who may vouch for the server; none means those that the machine trusts.
    #[must_use]
    pub fn authorities(&self) -> Option<&[u8]> {
        self.authorities.as_deref()
    }

    /// The client's own certificates and its key.
    #[must_use]
    pub fn identity(&self) -> Option<(&[u8], &[u8])> {
        self.identity.as_ref().map(|(chain, key)| (chain.as_slice(), key.as_slice()))
    }

    /// The name that the server's certificate must bear where that is not its address.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }
}

fn content(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let what = format!("{} can't be read: {error}", path.display());
        Error::new(ErrorKind::Config, Certainty::NotSent, what).with_source(error)
    })
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { servers, is_cluster, db, username, password, tls, handshake_timeout } = self;
        f.debug_struct("Access")
            .field("servers", servers)
            .field("is_cluster", is_cluster)
            .field("db", db)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "***"))
            .field("tls", tls)
            .field("handshake_timeout", handshake_timeout)
            .finish()
    }
}

impl fmt::Debug for TlsAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAccess")
            .field("has_authorities", &self.authorities.is_some())
            .field("has_identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}
