//! Who asks: the address of the client, through the proxies that are trusted.

mod forwarded;
mod list;

use std::{
    env,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName, request::Parts};
use ipnet::IpNet;

use forwarded::Hops;
pub use list::InvalidProxies;

/// The environment variable with the networks.
const VARIABLE: &str = "TRUSTED_PROXIES";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client, in the extensions of a request that passed a layer of this crate.
///
/// An IPv4 address mapped into IPv6 is the IPv4 address here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }
}

/// The proxies whose word on the client's address counts.
///
/// The client is the right-most hop that is no trusted proxy. What stands left of it anybody may
/// have written, so a forged header gains nothing. By default nobody is trusted, and the client is
/// whoever holds the connection.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use redstart_http::TrustedProxies;
///
/// let proxies: TrustedProxies = "loopback, 10.0.0.0/8".parse()?;
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 203.0.113.7, 10.0.0.2"));
/// assert_eq!(proxies.resolve("127.0.0.1".parse()?, &headers).to_string(), "203.0.113.7");
/// assert_eq!(proxies.resolve("198.51.100.9".parse()?, &headers).to_string(), "198.51.100.9");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: HeaderName,
}

impl TrustedProxies {
    /// Trusts nobody.
    #[must_use]
    pub const fn none() -> Self {
        Self { networks: Vec::new(), header: X_FORWARDED_FOR }
    }

    /// Trusts the networks that `TRUSTED_PROXIES` lists; nobody when it is not set.
    ///
    /// # Errors
    ///
    /// Fails with everything in the list that can't be used.
    pub fn from_env() -> Result<Self, InvalidProxies> {
        env::var(VARIABLE).map_or_else(|_| Ok(Self::none()), |list| list.parse())
    }

    /// Believes this header. Defaults to `X-Forwarded-For`.
    ///
    /// It is the only one that is read: a proxy that sets one passes the others on as they came.
    /// `Forwarded` is read by its grammar, every other one as a list of addresses.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// The client behind a connection from `peer` with these headers.
    #[must_use]
    pub fn resolve(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        for hop in Hops::new(headers, &self.header) {
            // What can't be read was not written by a proxy of ours; all left of it is hearsay.
            let Some(hop) = hop else { return client };
            client = hop;
            if !self.trusts(client) {
                return client;
            }
        }
        client
    }

    /// The client of a request; none when the server does not say who holds the connection.
    ///
    /// The holder is taken from an extension of type [`SocketAddr`] or, with axum, from `ConnectInfo`.
    #[must_use]
    pub fn client(&self, request: &Parts) -> Option<ClientAddress> {
        if let Some(known) = request.extensions.get::<ClientAddress>() {
            return Some(*known);
        }
        let peer = request.extensions.get::<SocketAddr>().copied().or_else(|| connect_info(request))?;
        Some(ClientAddress(self.resolve(peer.ip(), &request.headers)))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

#[cfg(feature = "axum")]
fn connect_info(request: &Parts) -> Option<SocketAddr> {
    request.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|info| info.0)
}

#[cfg(not(feature = "axum"))]
const fn connect_info(_: &Parts) -> Option<SocketAddr> {
    None
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::none()
    }
}

#[cfg(test)]
mod tests;
