//! Where a server listens.

use std::{fmt, path::PathBuf};

use super::ConfigError;

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
        (!host.is_empty() && !host.contains(['/', '@', ' ', '['])).then(|| Self::tcp(host, port))
    }

    pub(crate) fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "localhost",
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
        let address = Address::parse(text, default_port)
            .ok_or_else(|| ConfigError::one(what, format!("names {text:?}, which is no address"), right))?;
        addresses.push(address);
    }
    if addresses.is_empty() { Err(ConfigError::one(what, "names no address", right)) } else { Ok(addresses) }
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
        for wrong in ["", ":6379", "host:port", "host:70000", "user@host:1", "redis://host"] {
            assert_eq!(Address::parse(wrong, 6379), None, "{wrong}");
        }
    }
}
