//! What the server is, and what it can do.

use std::fmt;

use redis::Value;

use crate::{Certainty, Error, ErrorKind, Result};

/// The oldest version whose commands the toolkit needs: `SET … NX GET` came with it.
const OLDEST: Version = Version { major: 7, minor: 0 };

/// What the server says of itself; a managed service may say nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What the server is.
    pub engine: Engine,
    /// Its version, where it tells.
    pub version: Option<Version>,
    /// What it evicts when its memory is full, such as `noeviction`.
    pub memory_policy: Option<String>,
    /// The bytes that its memory is bounded to; 0 is no bound.
    pub max_memory: Option<u64>,
}

/// What the server is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Engine {
    /// It does not tell.
    #[default]
    Unknown,
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A server's version.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
}

impl Capabilities {
    /// Reads the answers to `INFO server` and `INFO memory`; what is forbidden or odd stays unknown.
    pub(crate) fn read(server: Option<&Value>, memory: Option<&Value>) -> Self {
        let (server, memory) = (text(server), text(memory));
        let (engine, version) = match (field(&server, "valkey_version"), field(&server, "redis_version")) {
            (Some(version), _) => (Engine::Valkey, Version::parse(version)),
            (None, Some(version)) => (Engine::Redis, Version::parse(version)),
            (None, None) => (Engine::Unknown, None),
        };
        Self {
            engine,
            version,
            memory_policy: field(&memory, "maxmemory_policy").map(str::to_owned),
            max_memory: field(&memory, "maxmemory").and_then(|bytes| bytes.parse().ok()),
        }
    }

    /// Whether `SET` takes `IFEQ`, by which a value is replaced only if it is the expected one.
    #[must_use]
    pub fn sets_if_equal(&self) -> bool {
        let since = match self.engine {
            Engine::Redis => Version { major: 8, minor: 4 },
            Engine::Valkey => Version { major: 8, minor: 1 },
            Engine::Unknown => return false,
        };
        self.version.is_some_and(|version| since <= version)
    }

    /// Refuses a server that is known to be too old.
    pub(crate) fn check(&self) -> Result<()> {
        match self.version {
            Some(version) if version < OLDEST => Err(Error::new(
                ErrorKind::Config,
                Certainty::NotSent,
                format!("the server is version {version}; {OLDEST} or later is needed"),
            )),
            _ => Ok(()),
        }
    }
}

fn text(info: Option<&Value>) -> String {
    match info {
        Some(Value::BulkString(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::VerbatimString { text, .. }) => text.clone(),
        _ => String::new(),
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.');
        let mut next = || numbers.next()?.parse().ok();
        Some(Self { major: next()?, minor: next()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(info: &str) -> Capabilities {
        Capabilities::read(Some(&Value::BulkString(info.as_bytes().to_vec())), None)
    }

    #[test]
    fn bound_of_the_memory_is_read() {
        let info =
            "# Memory\r\nmaxmemory:104857600\r\nmaxmemory_human:100M\r\nmaxmemory_policy:allkeys-lru\r\n";
        let read = Capabilities::read(None, Some(&Value::BulkString(info.into())));
        assert_eq!(
            (read.memory_policy.as_deref(), read.max_memory),
            (Some("allkeys-lru"), Some(104_857_600))
        );
    }

    #[test]
    fn server_is_told_by_its_own_words() {
        let redis = read("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n");
        assert_eq!((redis.engine, redis.version), (Engine::Redis, Some(Version { major: 7, minor: 0 })));
        let valkey =
            read("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.3\r\n");
        assert_eq!((valkey.engine, valkey.version), (Engine::Valkey, Some(Version { major: 8, minor: 1 })));
        for unknown in ["", "# Server\r\n", "redis_version:\r\n"] {
            assert_eq!(read(unknown).version, None, "{unknown:?}");
            assert!(read(unknown).check().is_ok(), "unknown is no reason to refuse");
        }
        assert_eq!(Capabilities::read(None, None), Capabilities::default());
    }

    #[test]
    fn conditional_set_is_known_by_the_version() {
        let can = ["redis_version:8.4.0\r\n", "redis_version:7.2.4\r\nvalkey_version:8.1.0\r\n"];
        let cannot = ["redis_version:8.2.9\r\n", "redis_version:7.2.4\r\nvalkey_version:8.0.6\r\n", ""];
        assert!(can.iter().all(|info| read(info).sets_if_equal()));
        assert!(cannot.iter().all(|info| !read(info).sets_if_equal()));
    }

    #[test]
    fn old_server_is_refused_by_its_version() {
        let error = read("redis_version:6.2.14\r\n").check().expect_err("it is too old");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("6.2") && error.to_string().contains("7.0"), "{error}");
        assert!(read("redis_version:7.0.0\r\n").check().is_ok());
    }
}
