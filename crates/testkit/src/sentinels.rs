//! A master with replicas under sentinels, which replace it when it fails.

mod setup;
mod stability;

use std::{net::SocketAddr, time::Duration};

pub use self::setup::SentinelsSetup;
use crate::{
    raw::{Raw, Reply},
    server::RedisServer,
    wait::until,
};

const MASTER_NAME: &str = "testkit";

/// How long they may take to agree: ten times what they need.
const GUARD: Duration = Duration::from_secs(30);

/// One master, two replicas and three sentinels of which two decide, on the loopback.
///
/// Starting takes about a second and blocks the thread for that long. The sentinels look and tell several
/// times a second where a real one takes seconds, so that they agree as soon as there is something to agree
/// on; how long a silent server is waited for is [`SentinelsSetup::down_after`].
///
/// ```no_run
/// use redstart_testkit::Sentinels;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut sentinels = Sentinels::start();
/// // What the service under test is told:
/// let (addresses, name) = (sentinels.sentinel_addresses(), sentinels.master_name());
/// let old = sentinels.kill_master();
/// sentinels.wait_until_stable().await;
/// assert_ne!(sentinels.master(), old);
/// # }
/// ```
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts servers and sentinels that know each other before this returns.
    ///
    /// # Panics
    ///
    /// Panics when a process doesn't start, or when they don't find together within half a minute.
    #[must_use]
    pub fn start() -> Self {
        Self::configure().start()
    }

    /// Prepares them with passwords, users, time-outs or settings.
    #[must_use]
    pub fn configure() -> SentinelsSetup {
        SentinelsSetup::new()
    }

    /// Kills the master as a crash would, and returns its address.
    ///
    /// # Panics
    ///
    /// Panics when no sentinel is up.
    pub fn kill_master(&mut self) -> SocketAddr {
        let master = self.master();
        self.kill(master);
        master
    }

    /// Stops the master where it stands, and returns its address for [`thaw`](Self::thaw).
    ///
    /// # Panics
    ///
    /// Panics when no sentinel is up, or when the master is down.
    pub fn freeze_master(&mut self) -> SocketAddr {
        let master = self.master();
        self.freeze(master);
        master
    }

    /// Kills a server or a sentinel as a crash would.
    ///
    /// # Panics
    ///
    /// Panics when the address is none of theirs, as does everything here that takes one.
    pub fn kill(&mut self, member: SocketAddr) {
        self.member_mut(member).kill();
    }

    /// Starts a server, empty, or a sentinel anew.
    ///
    /// What was a master and has lost its place is made a replica by the sentinels, about a second later.
    ///
    /// # Panics
    ///
    /// Panics when it doesn't start, for instance because somebody took its port.
    pub fn restart(&mut self, member: SocketAddr) {
        self.member_mut(member).restart();
        if let Some(sentinel) = self.sentinels.iter().find(|sentinel| sentinel.address() == member) {
            setup::hasten(sentinel);
        }
    }

    /// Stops a server or a sentinel where it stands: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// Panics when it is down.
    pub fn freeze(&mut self, member: SocketAddr) {
        self.member_mut(member).freeze();
    }

    /// Lets a frozen server or sentinel go on.
    ///
    /// # Panics
    ///
    /// Panics when it is down.
    pub fn thaw(&mut self, member: SocketAddr) {
        self.member_mut(member).thaw();
    }

    /// Makes the sentinels choose another master, waits until everybody agrees, and returns the new one.
    ///
    /// # Panics
    ///
    /// Panics when nothing comes of it within half a minute.
    pub async fn failover(&self) -> SocketAddr {
        let old = self.master();
        until(GUARD, || {
            let now = self.master();
            if now != old {
                return Ok(());
            }
            // Refused while an earlier request is being carried out: the next look will tell.
            drop(self.any_sentinel().try_command(&["SENTINEL", "FAILOVER", MASTER_NAME]));
            Err(format!("{old} is still the master"))
        })
        .await;
        self.wait_until_stable().await;
        self.master()
    }

    /// Waits until all that are up agree on a master that is up, with all other servers behind it.
    ///
    /// # Panics
    ///
    /// Panics when that is not so within half a minute, with what is missing.
    pub async fn wait_until_stable(&self) {
        until(GUARD, || self.settled()).await;
    }

    /// The master, as the first sentinel that is up names it.
    ///
    /// # Panics
    ///
    /// Panics when no sentinel is up.
    #[must_use]
    pub fn master(&self) -> SocketAddr {
        let reply = self.any_sentinel().command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME]);
        let parts: Vec<_> = reply.array().into_iter().map(Reply::text).collect();
        parts.join(":").parse().unwrap_or_else(|_| panic!("no address: {parts:?}"))
    }

    /// The name under which the sentinels know the master.
    #[must_use]
    pub fn master_name(&self) -> &str {
        MASTER_NAME
    }

    /// The addresses of the sentinels.
    #[must_use]
    pub fn sentinel_addresses(&self) -> Vec<SocketAddr> {
        self.sentinels.iter().map(RedisServer::address).collect()
    }

    /// The addresses of the servers, first the one that began as master.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(RedisServer::address).collect()
    }

    /// One server or sentinel, with its URL, its log and its process id.
    ///
    /// # Panics
    ///
    /// Panics when the address is none of theirs.
    #[must_use]
    pub fn node(&self, address: SocketAddr) -> &RedisServer {
        let mut members = self.servers.iter().chain(&self.sentinels);
        let member = members.find(|member| member.address() == address);
        member.unwrap_or_else(|| panic!("{address} is neither a server nor a sentinel here"))
    }

    /// Opens a connection to a server or a sentinel past the product, with all rights.
    ///
    /// # Panics
    ///
    /// Panics when it is down.
    #[must_use]
    pub fn raw(&self, address: SocketAddr) -> Raw {
        self.node(address).raw()
    }

    fn member_mut(&mut self, address: SocketAddr) -> &mut RedisServer {
        let mut members = self.servers.iter_mut().chain(&mut self.sentinels);
        let member = members.find(|member| member.address() == address);
        member.unwrap_or_else(|| panic!("{address} is neither a server nor a sentinel here"))
    }

    fn any_sentinel(&self) -> Raw {
        self.sentinels.iter().find(|sentinel| sentinel.is_up()).expect("a sentinel is up").raw()
    }
}
