use std::fmt;

use crate::Pattern;

/// What a key is for: the first segment of its name after the prefix.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Category {
    /// Copies of values that live elsewhere.
    Cache,
    /// Short-lived state of one user's conversation.
    Session,
    /// Queues of background work.
    Jobs,
    /// What a rate limit has admitted.
    RateLimit,
    /// Answers kept for repeated requests.
    Idempotency,
    /// Leases.
    Lock,
    /// Windowed counts.
    Counter,
    /// Switches.
    Flag,
    /// Codes that prove an address.
    Verification,
}

impl Category {
    /// Every category, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Cache,
        Self::Session,
        Self::Jobs,
        Self::RateLimit,
        Self::Idempotency,
        Self::Lock,
        Self::Counter,
        Self::Flag,
        Self::Verification,
    ];

    /// Finds the category with this [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|category| category.name() == name)
    }

    /// Tells the category of a key's name, without the prefix, as a scan sees it.
    ///
    /// ```
    /// use redstart_keys::Category;
    ///
    /// assert_eq!(Category::of(b"cache:user:{42}"), Some(Category::Cache));
    /// assert_eq!(Category::of(b"bull:email:7"), None);
    /// ```
    #[must_use]
    pub fn of(name: &[u8]) -> Option<Self> {
        // The companion of a plain key has its brace before the category.
        let name = name.strip_prefix(b"{").unwrap_or(name);
        let (first, _) = name.split_at(name.iter().position(|&byte| byte == b':')?);
        Self::from_name(str::from_utf8(first).ok()?)
    }

    /// The segment in the name of a key: `ratelimit`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Session => "session",
            Self::Jobs => "jobs",
            Self::RateLimit => "ratelimit",
            Self::Idempotency => "idempotency",
            Self::Lock => "lock",
            Self::Counter => "counter",
            Self::Flag => "flag",
            Self::Verification => "verification",
        }
    }

    /// Matches every key of the category: `cache:*`.
    #[must_use]
    pub const fn pattern(self) -> Pattern {
        Pattern::of_category(self)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests;
