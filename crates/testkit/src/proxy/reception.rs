//! Where connections come in, or are turned away.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{Counts, Fault, Weather, pump};
use crate::server::free_port;

const PORTS_TO_TRY: u32 = 20;
const BACKLOG: u32 = 1024;

/// The listener of a proxy.
pub(super) struct Reception {
    listener: TcpListener,
    address: SocketAddr,
}

impl Reception {
    /// Listens on a port that the system gives to no outgoing connection: it must be free again after the
    /// listener was closed for a while.
    pub(super) fn open() -> Self {
        let addresses = (0..PORTS_TO_TRY).map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        let mut listeners = addresses.filter_map(|address| {
            let listener = hold(address).and_then(|socket| socket.listen(BACKLOG)).ok()?;
            Some(Self { listener, address })
        });
        listeners.next().expect("a port is free")
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries connections until it is dropped, and they with it.
    pub(super) async fn serve(self, mut weather: watch::Receiver<Weather>, counts: Arc<Counts>) {
        let Self { mut listener, address } = self;
        let mut connections = JoinSet::new();
        loop {
            let refuses = weather.borrow_and_update().fault == Fault::Refuse;
            if refuses {
                listener = match closed(listener, address, &mut weather).await {
                    Ok(listener) => listener,
                    Err(error) => panic!("the proxy lost its port {address}: {error}"),
                };
                continue;
            }
            let accepted = tokio::select! {
                biased;
                changed = weather.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                accepted = listener.accept() => accepted,
            };
            let Ok((client, _)) = accepted else { continue };
            let number = counts.accepted.fetch_add(1, Ordering::SeqCst);
            let open = Open::new(&counts);
            let weather = weather.clone();
            connections.spawn(async move {
                let _open = open;
                // A connection ends in an error only when its peer is gone: the other side sees it closed.
                drop(carry(client, number, weather).await);
            });
            while connections.try_join_next().is_some() {}
        }
    }
}

/// Refuses connections until the fault has ended; a socket that does not listen keeps the port meanwhile.
async fn closed(
    listener: TcpListener,
    address: SocketAddr,
    weather: &mut watch::Receiver<Weather>,
) -> io::Result<TcpListener> {
    drop(listener);
    let socket = hold(address)?;
    // An error means that the proxy is gone, and this task with it.
    drop(weather.wait_for(|weather| weather.fault != Fault::Refuse).await);
    socket.listen(BACKLOG)
}

fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the closed listener may still be on their way out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn carry(client: TcpStream, number: u64, weather: watch::Receiver<Weather>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let now = *weather.borrow();
    if now.resets(number) {
        return client.set_zero_linger();
    }
    if now.fault == Fault::BlackHole {
        return pump::swallow(client, number, weather).await;
    }
    let server = TcpStream::connect(now.server).await?;
    server.set_nodelay(true)?;
    pump::exchange(client, server, number, weather).await
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
