//! Who asks: the address of the client, through the proxies that are trusted.

mod forwarded;

use std::{
    env, fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName, request::Parts};
use ipnet::IpNet;

use forwarded::Hops;

/// The environment variable with the networks.
const VARIABLE: &str = "TRUSTED_PROXIES";
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

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

/// A list of networks that can't be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidProxies(Vec<Problem>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Problem {
    Unknown(String),
    Everybody(String),
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

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    /// Reads a list of networks, addresses and the words `loopback` and `private`, with commas between.
    fn from_str(list: &str) -> Result<Self, InvalidProxies> {
        let (mut networks, mut problems) = (Vec::new(), Vec::new());
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let entries = match entry {
                "loopback" => LOOPBACK,
                "private" => PRIVATE,
                _ => &[entry],
            };
            for text in entries {
                match network(text) {
                    Some(network) if network.prefix_len() == 0 => {
                        problems.push(Problem::Everybody(show(text)))
                    }
                    Some(network) => networks.push(network),
                    None => problems.push(Problem::Unknown(show(text))),
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { networks, ..Self::none() })
        } else {
            Err(InvalidProxies(problems))
        }
    }
}

fn network(text: &str) -> Option<IpNet> {
    let parsed: Option<IpNet> = text.parse().ok();
    parsed.or_else(|| text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical())))
}

fn show(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

impl fmt::Display for InvalidProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("trusted proxies: ")?;
        for (nth, problem) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("; ")?;
            }
            match problem {
                Problem::Unknown(text) => {
                    write!(
                        f,
                        "'{text}' is no network like 10.0.0.0/8, no address, nor 'loopback' or 'private'"
                    )?;
                }
                Problem::Everybody(text) => write!(f, "'{text}' would trust everybody")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for InvalidProxies {}

#[cfg(test)]
mod tests;
