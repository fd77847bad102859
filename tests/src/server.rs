//! Private servers: started for a test, broken at will, gone with the test.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    locate,
    raw::{Raw, Reply},
    watchdog::Watchdog,
};

const POLL: Duration = Duration::from_millis(2);
const POLLS_TO_START: u32 = 5_000;
const PORTS_TO_TRY: u32 = 20;

/// A Redis or Valkey server of this process's own, on the loopback, without persistence.
///
/// Starting takes about 20 ms and blocks the thread for that long. The server is killed on drop, and by a
/// watchdog when the process ends without dropping it.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    password: Option<String>,
    user: Option<(String, String)>,
    // In this order: the process ends, then its watchdog is dismissed, then the folder goes.
    process: Option<Process>,
    folder: TempDir,
}

/// What a server is to be started with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    password: Option<String>,
    user: Option<(String, String)>,
    lines: String,
}

#[derive(Debug)]
struct Process {
    child: Child,
    _watchdog: Watchdog,
}

/// The server that all tests of this process share: each keeps to its own [`fresh_prefix`].
///
/// It can't be stopped, frozen or reconfigured; who wants to do that starts a server of their own.
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
    #[must_use]
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// Prepares a server with a password, a user or settings.
    #[must_use]
    pub fn configure() -> Setup {
        Setup::default()
    }

    /// Kills the server as a crash would: connections are cut, nothing is saved.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts the server anew on the same port, empty; kills it first if it still runs.
    ///
    /// What [`config_set`](Self::config_set) changed is back to what it was.
    pub fn restart(&mut self) {
        self.process = None;
        if let Err(reason) = self.spawn() {
            panic!("the server did not come back on port {}: {reason}", self.port);
        }
    }

    /// Stops the server where it stands: connections stay open, nothing answers.
    pub fn freeze(&mut self) {
        self.signal("STOP");
        // The signal is on its way when `kill` returns; the test wants it to have arrived.
        let status = format!("/proc/{}/stat", self.pid());
        while fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") T ")) {
            thread::sleep(POLL);
        }
    }

    /// Lets a frozen server go on.
    pub fn thaw(&mut self) {
        self.signal("CONT");
    }

    /// Changes a setting of the running server.
    pub fn config_set(&mut self, name: &str, value: &str) {
        self.raw().command(&["CONFIG", "SET", name, value]);
    }

    /// Opens a connection past the product, with all rights.
    #[must_use]
    pub fn raw(&self) -> Raw {
        let mut raw = Raw::connect(self.address()).expect("the server accepts connections");
        if let Some(password) = &self.password {
            raw.command(&["AUTH", password]);
        }
        raw
    }

    /// The address of the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The process id of the server, zero while it is down.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, |process| process.child.id())
    }

    /// The URL of the server, with the credentials it asks for.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The URL of the server as it is reached through another address, such as that of a proxy.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        match (&self.user, &self.password) {
            (Some((name, password)), _) => format!("redis://{name}:{password}@{address}/0"),
            (None, Some(password)) => format!("redis://:{password}@{address}/0"),
            (None, None) => format!("redis://{address}/0"),
        }
    }

    /// What the server has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn spawn(&mut self) -> Result<(), String> {
        let child = Command::new(program())
            .arg(self.folder.path().join("redis.conf"))
            .args(["--port", &self.port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program().display()))?;
        let watchdog = Watchdog::over(child.id(), self.folder.path());
        let process = self.process.insert(Process { child, _watchdog: watchdog });
        let pid = process.child.id();
        for _ in 0..POLLS_TO_START {
            let ended = self.process.as_mut().and_then(|process| process.child.try_wait().ok().flatten());
            if let Some(status) = ended {
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
        let Ok(mut raw) = Raw::connect(self.address()) else { return false };
        if let Some(password) = &self.password
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

    fn signal(&self, name: &str) {
        assert_ne!(self.pid(), 0, "the server is down");
        // The shell's own `kill`: slim images have no program of that name.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid())])
            .status()
            .expect("sh can be started");
        assert!(status.success(), "kill -{name} failed");
    }
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

    /// Adds a line of redis.conf.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        writeln!(self.lines, "{name} {value}").expect("a string takes every line");
        self
    }

    /// Starts the server.
    #[must_use]
    pub fn start(self) -> RedisServer {
        let Self { password, user, lines } = self;
        let folder = tempfile::Builder::new().prefix("redstart-").tempdir().expect("a folder can be made");
        let path = folder.path().display();
        let basics =
            format!("bind 127.0.0.1\nsave \"\"\nappendonly no\ndir \"{path}\"\nlogfile \"{path}/log\"\n");
        fs::write(folder.path().join("redis.conf"), basics + &lines).expect("the settings can be written");

        let mut server = RedisServer { port: 0, password, user, process: None, folder };
        let mut reason = String::new();
        for _ in 0..PORTS_TO_TRY {
            server.port = free_port();
            match server.spawn() {
                Ok(()) => return server,
                Err(error) => reason = error,
            }
        }
        panic!("the server did not start: {reason}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port outside the range from which the system numbers outgoing connections: a killed server must find
/// its port free again.
fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(10_000..32_000)).take(1_000);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a port is free")
}

fn program() -> &'static Path {
    static FOUND: OnceLock<locate::Installed> = OnceLock::new();
    let find = || {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a folder");
        let servers = locate::servers(&locate::tools(workspace)).unwrap_or_else(|error| panic!("{error}"));
        servers.into_iter().next().expect("no Redis or Valkey server is found: run `cargo xtask setup`")
    };
    &FOUND.get_or_init(find).path
}
