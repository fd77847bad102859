//! The components that services use, and what each sends to the server.

use std::{collections::BTreeSet, fmt, str::FromStr};

use redstart_keys::Category;
use serde::Serialize;

/// What each crate sends, as `cargo xtask layers` reads it from the code.
const TABLE: &str = include_str!("commands.txt");

/// What the scripts of BullMQ 1.4 send, which stand in the library below the queues.
const JOBS: &str = "bzpopmin client|list client|setname del eval evalsha exists get hdel hexists hget hgetall hincrby \
    hlen hmget hmset hscan hset incr incrby info lindex llen lpop lpos lpush lrange lrem lset ltrim \
    persist pexpire pexpireat ping pttl rename rpop rpoplpush rpush sadd scard script|load set \
    sismember smembers srem sscan time type unlink xadd xdel xlen xrange xread xtrim zadd zcard zcount \
    zlexcount zpopmin zrange zrangebylex zrangebyscore zrem zremrangebyrank zremrangebyscore zrevrange \
    zrevrangebyscore zscore";

/// A part of the toolkit, as services use it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Component {
    /// Caches, with their coherence and their warming.
    Cache,
    /// Locks.
    Lock,
    /// Rate limits.
    RateLimit,
    /// Sessions, idempotency, one-time values, codes, counters, flags, streams.
    State,
    /// Queues of jobs.
    Jobs,
    /// Health, metrics and the pages for operators: reads, and changes nothing.
    Monitor,
}

/// No component is called so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no component; right would be cache, lock, ratelimit, state, jobs or monitor")]
pub struct UnknownComponent(String);

impl Component {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Cache, Self::Lock, Self::RateLimit, Self::State, Self::Jobs, Self::Monitor];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Lock => "lock",
            Self::RateLimit => "ratelimit",
            Self::State => "state",
            Self::Jobs => "jobs",
            Self::Monitor => "monitor",
        }
    }

    /// The commands that it sends, those of the connection among them; `config|get` is a part of one.
    #[must_use]
    pub fn commands(self) -> BTreeSet<&'static str> {
        let own = if self == Self::Jobs { JOBS } else { line(self.name()) };
        line("connection").split_whitespace().chain(own.split_whitespace()).collect()
    }

    /// The kinds of keys that it writes.
    #[must_use]
    pub const fn categories(self) -> &'static [Category] {
        match self {
            Self::Cache => &[Category::Cache],
            Self::Lock => &[Category::Lock],
            Self::RateLimit => &[Category::RateLimit],
            Self::State => &[
                Category::Session,
                Category::Idempotency,
                Category::Counter,
                Category::Flag,
                Category::Verification,
                Category::Jobs,
            ],
            Self::Jobs => &[Category::Jobs],
            Self::Monitor => &[],
        }
    }

    /// Whether it wakes others by messages.
    #[must_use]
    pub const fn has_channels(self) -> bool {
        matches!(self, Self::Lock)
    }
}

/// What the table says of one crate.
fn line(name: &str) -> &'static str {
    let of = |line: &'static str| line.strip_prefix(name)?.strip_prefix(':');
    TABLE.lines().find_map(of).unwrap_or_default()
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Component {
    type Err = UnknownComponent;

    fn from_str(name: &str) -> Result<Self, UnknownComponent> {
        let found = Self::ALL.into_iter().find(|component| component.name() == name);
        found.ok_or_else(|| UnknownComponent(name.to_owned()))
    }
}
