//! What a server is started with.

use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt, path::Path};

use super::{Ports, RedisServer};
#[cfg(feature = "tls")]
use crate::certificates::Certificates;

pub(super) const SOCKET: &str = "redis.sock";
const PORTS_TO_TRY: u32 = 20;

/// What a server is to be started with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub(super) password: Option<String>,
    pub(super) user: Option<(String, String)>,
    pub(super) unix_socket: bool,
    pub(super) is_sentinel: bool,
    is_node: bool,
    #[cfg(feature = "tls")]
    tls: Option<&'static str>,
    lines: String,
}

impl Setup {
    /// Asks every client for a password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.option("requirepass", password)
    }

    /// Adds a user with ACL rules such as `~app:* +@all -@dangerous`; the URL then speaks for them.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str, rules: &str) -> Self {
        self.user = Some((name.to_owned(), password.to_owned()));
        self.option("user", &format!("{name} on >{password} {rules}"))
    }

    /// Also listens on a socket in the server's folder; [`RedisServer::unix_socket`] is its path.
    #[must_use]
    pub fn unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    /// Serves TLS under an authority made for this server; clients need no certificate.
    ///
    /// The certificate is for 127.0.0.1 and `localhost`. Keys are made at run time and go with the server.
    /// The server also listens without TLS, for [`RedisServer::raw`] alone.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = Some("no");
        self
    }

    /// Serves TLS as [`tls`](Self::tls) does, to clients that show a certificate of the same authority.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn mutual_tls(mut self) -> Self {
        self.tls = Some("yes");
        self
    }

    /// Adds a line of redis.conf.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.line(name, value);
        self
    }

    /// Starts the server.
    ///
    /// # Panics
    ///
    /// Panics when no server is found on this machine, or when it doesn't start; the text has its log.
    #[must_use]
    pub fn start(self) -> RedisServer {
        // There are keys and a socket in it, which are nobody else's.
        let owner_only = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("redstart-").permissions(owner_only).tempdir();
        let folder = folder.expect("a folder can be made");
        #[cfg(feature = "tls")]
        let certificates = self.tls.map(|_| Certificates::create(folder.path()));
        let mut server = RedisServer {
            ports: self.ports(),
            setup: self,
            #[cfg(feature = "tls")]
            certificates,
            process: None,
            folder,
        };
        fs::write(server.folder.path().join("redis.conf"), server.settings())
            .expect("the settings can be written");

        let mut reason = String::new();
        for _ in 0..PORTS_TO_TRY {
            match server.spawn() {
                Ok(()) => return server,
                Err(error) => reason = error,
            }
            server.ports = server.setup.ports();
        }
        panic!("the server did not start: {reason}");
    }

    /// Makes the server a node of a cluster, with a bus port of its own.
    pub(crate) fn node(mut self) -> Self {
        self.is_node = true;
        self.option("cluster-enabled", "yes")
    }

    /// Makes the server a sentinel, which takes other settings.
    pub(crate) fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    fn ports(&self) -> Ports {
        #[cfg(feature = "tls")]
        let tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let tls = false;
        Ports::free(tls, self.is_node)
    }

    fn line(&mut self, name: &str, value: &str) {
        writeln!(self.lines, "{name} {value}").expect("a string takes every line");
    }
}

impl RedisServer {
    /// The text of redis.conf: ours first, so that those of the test prevail.
    fn settings(&self) -> String {
        let folder = self.folder.path();
        let mut basics = Setup::default();
        basics.line("bind", "127.0.0.1");
        basics.line("dir", &quoted(folder));
        basics.line("logfile", &quoted(&folder.join("log")));
        if !self.setup.is_sentinel {
            basics.line("save", "\"\"");
            basics.line("appendonly", "no");
        }
        if self.setup.unix_socket {
            basics.line("unixsocket", &quoted(&folder.join(SOCKET)));
        }
        #[cfg(feature = "tls")]
        if let Some(certificates) = &self.certificates {
            basics.line("tls-auth-clients", self.setup.tls.unwrap_or("no"));
            for (name, path) in certificates.settings() {
                basics.line(name, &path);
            }
        }
        basics.lines + &self.setup.lines
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
