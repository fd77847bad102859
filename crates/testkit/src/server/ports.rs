//! The ports of a server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: Option<u16>,
    /// Where the nodes of a cluster talk to each other.
    pub(super) bus: Option<u16>,
}

impl Ports {
    /// Ports that nobody uses at this moment.
    pub(super) fn free(tls: bool, bus: bool) -> Self {
        Self { plain: free_port(), tls: tls.then(free_port), bus: bus.then(free_port) }
    }

    /// What the server is told about them.
    pub(super) fn arguments(self) -> Vec<String> {
        let Self { plain, tls, bus } = self;
        let named = [("--port", Some(plain)), ("--tls-port", tls), ("--cluster-port", bus)];
        let named = named.into_iter().filter_map(|(name, port)| Some((name, port?)));
        named.flat_map(|(name, port)| [name.to_owned(), port.to_string()]).collect()
    }
}

pub(super) fn on_loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port outside the range from which the system numbers outgoing connections: a killed server must find
/// its port free again.
pub(crate) fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(10_000..32_000)).take(1_000);
    ports.find(|port| TcpListener::bind(on_loopback(*port)).is_ok()).expect("a port is free")
}
