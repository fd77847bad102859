//! A TCP proxy that misbehaves on demand.

mod fault;
mod pump;
mod reception;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{sync::watch, task::JoinHandle};

pub use self::fault::Fault;
use self::{fault::Weather, reception::Reception};

/// Stands between clients and a server; what it does to the traffic can be changed at any moment.
///
/// It lives on the runtime that started it and ends, with all its connections, when it is dropped.
/// It knows nothing of what it carries: TLS passes through it like all else. Members of a cluster and
/// servers under sentinels name their own addresses to clients, past any proxy.
///
/// ```no_run
/// use redstart_testkit::{Fault, Proxy, shared};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let proxy = Proxy::start(shared().address()).await;
/// let url = shared().url_at(proxy.address()); // what the service under test connects to
/// proxy.set(Fault::BlackHole);
/// // … the service must answer all the same …
/// proxy.set(Fault::None);
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    open: AtomicU64,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    #[expect(clippy::unused_async, reason = "says by its form that it needs a runtime, to which it belongs")]
    pub async fn start(server: SocketAddr) -> Self {
        let reception = Reception::open();
        let address = reception.address();
        let counts = Arc::new(Counts::default());
        let (weather, forecast) = watch::channel(Weather::new(server));
        #[expect(clippy::disallowed_methods, reason = "the proxy is the peer, no part of the product")]
        let task = tokio::spawn(reception.serve(forecast, Arc::clone(&counts)));
        Self { address, weather, counts, task }
    }

    /// Changes what happens to the traffic of every connection.
    pub fn set(&self, fault: Fault) {
        self.weather.send_modify(|weather| weather.fault = fault);
    }

    /// Leads new connections to another server; the present ones stay where they are.
    ///
    /// So a name looks whose server was replaced: reset the present connections as well to bring their
    /// clients over.
    pub fn lead_to(&self, server: SocketAddr) {
        self.weather.send_modify(|weather| weather.server = server);
    }

    /// Makes the present connections half-open for good: they stay established and carry nothing.
    ///
    /// New connections are not touched.
    pub fn stall_existing(&self) {
        let below = self.accepted();
        self.weather.send_modify(|weather| weather.stalled_below = below);
    }

    /// Resets the present connections; new ones are not touched.
    pub fn reset_existing(&self) {
        let below = self.accepted();
        self.weather.send_modify(|weather| weather.reset_below = below);
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were ever accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.counts.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
