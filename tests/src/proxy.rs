//! A TCP proxy that misbehaves on demand.

mod pump;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Stands between clients and a server; what it does to the traffic can be changed at any moment.
///
/// It lives on the runtime that started it and ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

/// What happens to the traffic from now on.
///
/// A connection that lost a byte never passes one again in that direction, also when the fault has ended:
/// TCP doesn't lose the middle of a stream, and a client must not see replies out of step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Everything passes.
    #[default]
    None,
    /// Each piece of a reply is held back this long.
    Delay(Duration),
    /// Every connection, present and new, is reset.
    Reset,
    /// Connections are accepted and bytes are taken, nothing reaches the server and nothing comes back.
    BlackHole,
    /// Requests reach the server and are carried out; their replies are lost.
    LoseReplies,
    /// The next reply of each connection ends after this many bytes, and with it the connection.
    CutReplies(usize),
}

/// What all connections look at.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    fault: Fault,
    /// Connections with a smaller number have been reset.
    reset_below: u64,
    /// Connections with a smaller number are half-open: no byte moves and nobody is told.
    stalled_below: u64,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    open: AtomicU64,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("the listener is bound");
        let counts = Arc::new(Counts::default());
        let (weather, forecast) = watch::channel(Weather::default());
        #[expect(clippy::disallowed_methods, reason = "the proxy is the peer, no part of the product")]
        let task = tokio::spawn(accept(listener, server, forecast, Arc::clone(&counts)));
        Self { address, weather, counts, task }
    }

    /// Changes what happens to the traffic of every connection.
    pub fn set(&self, fault: Fault) {
        self.weather.send_modify(|weather| weather.fault = fault);
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

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    weather: watch::Receiver<Weather>,
    counts: Arc<Counts>,
) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let number = counts.accepted.fetch_add(1, Ordering::SeqCst);
        let open = Open::new(&counts);
        let weather = weather.clone();
        connections.spawn(async move {
            let _open = open;
            // A connection ends in an error only when its peer is gone: the other side sees it closed.
            drop(serve(client, server, number, weather).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(
    client: TcpStream,
    server: SocketAddr,
    number: u64,
    weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let now = *weather.borrow();
    if now.resets(number) {
        return client.set_zero_linger();
    }
    if now.fault == Fault::BlackHole {
        return pump::swallow(client, number, weather).await;
    }
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    pump::exchange(client, server, number, weather).await
}

impl Weather {
    fn resets(&self, number: u64) -> bool {
        self.fault == Fault::Reset || number < self.reset_below
    }

    fn stalls(&self, number: u64) -> bool {
        number < self.stalled_below
    }
}

/// Counts a connection while it is open.
struct Open(Arc<Counts>);

impl Open {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
