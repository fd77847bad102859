//! What a server should be like, by what it is for.

use std::{fmt, str::FromStr};

use redstart_connection::Config;
use serde::{Serialize, Serializer};

/// What a server is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Profile {
    /// Copies of what can be loaded again: when the memory is full, the least used are thrown out.
    Cache,
    /// Locks, limits, sessions, jobs: nothing is ever thrown out.
    Coordination,
    /// Both on one server: nothing is ever thrown out.
    Both,
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(u64);

impl Size {
    /// So many MiB.
    #[must_use]
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// So many GiB.
    #[must_use]
    pub const fn gibibytes(count: u64) -> Self {
        Self(count << 30)
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl FromStr for Size {
    type Err = String;

    /// Reads a number with a unit as the server has them: `256mb`, `2gb`, `1048576`.
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = Config::parse_bytes(text).filter(|bytes| *bytes > 0);
        bytes.map(Self).ok_or_else(|| {
            format!("{text:?} is no size; right would be a number with a unit, such as 256mb or 2gb")
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 30) => write!(f, "{}gb", bytes >> 30),
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 20) => write!(f, "{}mb", bytes >> 20),
            bytes => write!(f, "{bytes}"),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// The settings that a server should have.
#[derive(Clone, Debug)]
pub struct Desired {
    settings: Vec<(&'static str, String)>,
    memory: Size,
    evicts: bool,
}

impl Desired {
    /// What a server for `profile` should have.
    #[must_use]
    pub fn new(profile: Profile, memory: Size, persists: bool) -> Self {
        let evicts = profile == Profile::Cache;
        let policy = if evicts { "allkeys-lru" } else { "noeviction" };
        let mut settings =
            vec![("maxmemory", memory.bytes().to_string()), ("maxmemory-policy", policy.to_owned())];
        if persists {
            let disk = [("save", "300 1"), ("appendonly", "yes"), ("appendfsync", "everysec")];
            settings.extend(disk.map(|(name, value)| (name, value.to_owned())));
        }
        Self { settings, memory, evicts }
    }

    /// Names and values, as the server takes them.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Whether the server will throw out what is least used.
    #[must_use]
    pub const fn evicts(&self) -> bool {
        self.evicts
    }

    /// The bound of its memory.
    #[must_use]
    pub const fn memory(&self) -> Size {
        self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn sizes_are_read_as_the_server_reads_them() {
        for (text, bytes) in [("256mb", 268_435_456), ("2GB", 2_147_483_648), ("1m", 1_000_000), ("7", 7)] {
            assert_eq!(text.parse::<Size>().unwrap().bytes(), bytes, "{text}");
        }
        for wrong in ["", "mb", "0", "-1mb", "1.5gb", "2tb", "99999999999gb"] {
            assert!(wrong.parse::<Size>().unwrap_err().contains("256mb"), "{wrong}");
        }
        assert_eq!(Size::gibibytes(2).to_string(), "2gb");
        assert_eq!(Size::mebibytes(1_536).to_string(), "1536mb");
    }
}
