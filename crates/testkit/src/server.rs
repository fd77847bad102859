//! Private servers: started for a test, broken at will, gone with the test.

mod ports;
mod setup;
#[cfg(feature = "tls")]
mod tls;

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use self::ports::Ports;
pub(crate) use self::ports::free_port;
pub use self::setup::Setup;
#[cfg(feature = "tls")]
use crate::certificates::Certificates;
use crate::{
    process::Process,
    raw::{Raw, Reply},
};

const POLL: Duration = Duration::from_millis(2);
const POLLS_TO_START: u32 = 5_000;

/// A Redis or Valkey server of this process's own, on the loopback, without persistence.
///
/// Starting takes about 20 ms and blocks the thread for that long. The server is killed on drop, and by a
/// watchdog when the process ends without dropping it.
///
/// ```no_run
/// use redstart_testkit::{RedisServer, Reply};
///
/// let mut server = RedisServer::configure().password("secret").option("maxmemory", "10mb").start();
/// server.raw().command(&["SET", "key", "value"]);
/// server.restart();
/// assert_eq!(server.raw().command(&["GET", "key"]), Reply::Nil);
/// ```
#[derive(Debug)]
pub struct RedisServer {
    setup: Setup,
    ports: Ports,
    #[cfg(feature = "tls")]
    certificates: Option<Certificates>,
    // In this order: the process ends, then its folder goes.
    process: Option<Process>,
    folder: TempDir,
}

/// The server that all tests of this process share: each keeps to its own [`fresh_prefix`].
///
/// It can't be stopped, frozen or reconfigured; who wants to do that starts a server of their own.
///
/// # Panics
///
/// Panics at the first call when no server can be started.
pub fn shared() -> &'static RedisServer {
    static SHARED: OnceLock<RedisServer> = OnceLock::new();
    SHARED.get_or_init(RedisServer::start)
}

/// A key prefix that nobody else uses.
#[must_use]
pub fn fresh_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{:x}-{:x}", fastrand::u32(..), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl RedisServer {
    /// Starts a server that answers before this returns.
    ///
    /// # Panics
    ///
    /// Panics when no server is found on this machine, or when it doesn't start; the text has its log.
    #[must_use]
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// Prepares a server with a password, a user, a socket, TLS or settings.
    #[must_use]
    pub fn configure() -> Setup {
        Setup::default()
    }

    /// Kills the server as a crash would: connections are cut, nothing is saved.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the server anew on the same ports, empty; kills it first if it still runs.
    ///
    /// What [`config_set`](Self::config_set) changed is back to what it was.
    ///
    /// # Panics
    ///
    /// Panics when it doesn't start, for instance because somebody took its port.
    pub fn restart(&mut self) {
        self.process = None;
        if let Err(reason) = self.spawn() {
            panic!("the server did not come back on {}: {reason}", self.plain_address());
        }
    }

    /// Stops the server where it stands: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// Panics when the server is down.
    pub fn freeze(&mut self) {
        self.running().freeze();
    }

    /// Lets a frozen server go on.
    ///
    /// # Panics
    ///
    /// Panics when the server is down.
    pub fn thaw(&mut self) {
        self.running().thaw();
    }

    /// Changes a setting of the running server.
    ///
    /// # Panics
    ///
    /// Panics when the server refuses it, is down or is frozen.
    pub fn config_set(&mut self, name: &str, value: &str) {
        self.raw().command(&["CONFIG", "SET", name, value]);
    }

    /// Opens a connection past the product, with all rights and without TLS.
    ///
    /// # Panics
    ///
    /// Panics when the server is down, and after ten seconds when it is frozen and asks for a password.
    #[must_use]
    pub fn raw(&self) -> Raw {
        let mut raw = Raw::connect(self.plain_address()).expect("the server accepts connections");
        if let Some(password) = &self.setup.password {
            raw.command(&["AUTH", password]);
        }
        raw
    }

    /// Where [`RedisServer::raw`] connects to, and the password that it gives.
    #[cfg(feature = "rest")]
    pub(crate) fn way_in(&self) -> (SocketAddr, Option<String>) {
        (self.plain_address(), self.setup.password.clone())
    }

    /// Where clients reach the server; with TLS, where they reach it over TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.ports.tls.map_or_else(|| self.plain_address(), ports::on_loopback)
    }

    /// The process id of the server, zero while it is down.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::id)
    }

    /// Whether the server runs and was not frozen.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.is_frozen())
    }

    /// The URL of the server, with the credentials it asks for; `rediss://` with TLS.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The URL of the server as it is reached through another address, such as that of a proxy.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        let scheme = if self.ports.tls.is_some() { "rediss" } else { "redis" };
        match (&self.setup.user, &self.setup.password) {
            (Some((name, password)), _) => format!("{scheme}://{name}:{password}@{address}/0"),
            (None, Some(password)) => format!("{scheme}://:{password}@{address}/0"),
            (None, None) => format!("{scheme}://{address}/0"),
        }
    }

    /// The path of the socket, beside which the server still listens on its port.
    ///
    /// # Panics
    ///
    /// Panics when the server was not configured with [`Setup::unix_socket`].
    #[must_use]
    pub fn unix_socket(&self) -> PathBuf {
        assert!(self.setup.unix_socket, "the server has no socket: configure it with `unix_socket()`");
        self.folder.path().join(setup::SOCKET)
    }

    /// What the server has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The password that every client is asked for.
    pub(crate) fn password(&self) -> Option<&str> {
        self.setup.password.as_deref()
    }

    /// The port that the nodes of a cluster talk to each other on.
    pub(crate) fn bus_port(&self) -> u16 {
        self.ports.bus.expect("the server is a node of a cluster")
    }

    fn running(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server is down")
    }

    fn plain_address(&self) -> SocketAddr {
        ports::on_loopback(self.ports.plain)
    }

    fn spawn(&mut self) -> Result<(), String> {
        let mut arguments = self.ports.arguments();
        arguments.extend(self.setup.is_sentinel.then(|| "--sentinel".to_owned()));
        let process = self.process.insert(Process::start(self.folder.path(), &arguments)?);
        let pid = process.id();
        for _ in 0..POLLS_TO_START {
            if let Some(status) = self.process.as_mut().and_then(Process::ended) {
                self.process = None;
                return Err(format!("{status}\n{}", self.log()));
            }
            if self.answers_as(pid) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        self.process = None;
        Err(format!("no answer\n{}", self.log()))
    }

    /// Whether the answer on the port comes from that very process and not from another's server.
    fn answers_as(&self, pid: u32) -> bool {
        let Ok(mut raw) = Raw::connect(self.plain_address()) else { return false };
        if let Some(password) = &self.setup.password
            && !matches!(raw.try_command(&["AUTH", password]), Ok(Reply::Text(_)))
        {
            return false;
        }
        match raw.try_command(&["INFO", "server"]) {
            Ok(info @ Reply::Bytes(_)) => {
                info.text().lines().any(|line| line == format!("process_id:{pid}"))
                    && matches!(raw.try_command(&["PING"]), Ok(Reply::Text(_)))
            }
            _ => false,
        }
    }
}
