//! Where a server listens.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use url::Host;

use super::{ConfigError, problem::shown};

/// What no host has in its name.
const NO_HOST: [char; 9] = ['/', '@', '?', '#', '[', ']', '\\', ' ', '"'];

/// Where a server listens.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }

    /// `host:port` or `[v6]:port`, with the default port where none is given.
    pub(crate) fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, default_port),
            Some((host, rest)) => (host, rest.strip_prefix(':')?.parse().ok()?),
            // More colons than one are those of an IPv6 address.
            None => match text.split_once(':').filter(|(_, port)| !port.contains(':')) {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (text, default_port),
            },
        };
        Some(Self::tcp(Self::host_alone(host)?, port)).filter(|_| port != 0)
    }

    /// A host without a port; an IPv6 address may stand in brackets.
    pub(crate) fn host_alone(text: &str) -> Option<&str> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let is_host = if bare.contains(':') {
            bare.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        } else {
            bare == text && !bare.is_empty() && !bare.contains(NO_HOST)
        };
        is_host.then_some(bare)
    }

    /// Whether it is on that host, as far as the names tell.
    pub(super) fn is_at(&self, host: &str) -> bool {
        matches!(self, Self::Tcp { host: own, .. } if own.eq_ignore_ascii_case(host))
    }

    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "localhost",
        }
    }

    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => match host.parse::<IpAddr>() {
                Ok(address) => address.to_canonical().is_loopback(),
                Err(_) => host == "localhost" || host.ends_with(".localhost"),
            },
            Self::Unix(_) => true,
        }
    }

    /// Whether what is sent there stays in a private network, as far as the address tells.
    pub(crate) fn is_near(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => is_near(&match host.parse() {
                Ok(IpAddr::V4(address)) => Host::Ipv4(address),
                Ok(IpAddr::V6(address)) => Host::Ipv6(address),
                Err(_) => Host::Domain(host),
            }),
            Self::Unix(_) => true,
        }
    }
}

/// Reads several addresses; names the first that makes no sense.
pub(crate) fn parse_all<A: AsRef<str>>(
    what: &'static str,
    texts: impl IntoIterator<Item = A>,
    default_port: u16,
) -> Result<Vec<Address>, ConfigError> {
    let right = "host:port, or a host alone";
    let mut addresses = Vec::new();
    for text in texts {
        let text = text.as_ref().trim();
        let address = Address::parse(text, default_port).ok_or_else(|| {
            ConfigError::one(what, format!("names {}, which is no address", shown(text)), right)
        })?;
        addresses.push(address);
    }
    if addresses.is_empty() { Err(ConfigError::one(what, "names no address", right)) } else { Ok(addresses) }
}

/// Whether a host is on this machine or in its private network, as far as its name tells.
pub(super) fn is_near(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Host::Ipv6(address) => is_near_v6(*address),
        // A name without a dot means something in this network alone, as that of a container does.
        Host::Domain(name) => {
            !name.contains('.')
                || [".localhost", ".local", ".internal", ".svc"].iter().any(|end| name.ends_with(end))
        }
    }
}

fn is_near_v6(address: Ipv6Addr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_near(&Host::Ipv4(address)),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for (text, shown) in [
            ("127.0.0.1:6380", "127.0.0.1:6380"),
            ("redis", "redis:6379"),
            ("[::1]:7000", "[::1]:7000"),
            ("::1", "[::1]:6379"),
            ("[fe80::1]", "[fe80::1]:6379"),
        ] {
            assert_eq!(Address::parse(text, 6379).expect(text).to_string(), shown);
        }
        for wrong in
            ["", ":6379", "host:port", "host:70000", "host:0", "user@host:1", "redis://host", "a b", "1:2:3"]
        {
            assert_eq!(Address::parse(wrong, 6379), None, "{wrong}");
        }
    }

    #[test]
    fn host_has_no_port() {
        for (text, host) in
            [("db", "db"), (" db ", "db"), ("::1", "::1"), ("[::1]", "::1"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(Address::host_alone(text), Some(host));
        }
        for wrong in ["", "db:6379", "redis://db", "[db]", "a b", "[::1]:1"] {
            assert_eq!(Address::host_alone(wrong), None, "{wrong}");
        }
    }
}
