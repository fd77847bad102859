//! A fixed window, which begins with the first call in it.
//!
//! Windows of different subjects so end at different times, and not all clients come back at once.

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Fixed {
    pub(crate) limit: u32,
    /// In microseconds.
    pub(crate) period: u64,
}

/// What is kept: when the window ends, and what was admitted in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) ends_at: u64,
    pub(crate) used: u32,
}

/// The window that is open now, or that the next call opens.
#[derive(Debug)]
pub(crate) struct LiveFixed {
    limit: u32,
    now: u64,
    span: Span,
}

impl Fixed {
    /// The window at `now`, and whether what is kept lay further ahead than a period.
    pub(crate) fn open(&self, stored: Option<Span>, now: u64) -> (LiveFixed, bool) {
        let fresh = Span { ends_at: now.saturating_add(self.period), used: 0 };
        let stored = stored.filter(|span| now < span.ends_at);
        let span = stored.map_or(fresh, |span| Span { ends_at: span.ends_at.min(fresh.ends_at), ..span });
        let is_ahead = stored.is_some_and(|stored| fresh.ends_at < stored.ends_at);
        (LiveFixed { limit: self.limit, now, span }, is_ahead)
    }
}

impl LiveFixed {
    pub(crate) fn left(&self) -> u32 {
        self.limit.saturating_sub(self.span.used)
    }

    pub(crate) fn reset_after(&self) -> u64 {
        if self.span.used == 0 { 0 } else { self.span.ends_at - self.now }
    }

    pub(crate) fn wait_for(&self, cost: u32) -> u64 {
        if cost <= self.left() { 0 } else { self.span.ends_at - self.now }
    }

    pub(crate) fn charge(&mut self, cost: u32) {
        self.span.used = self.span.used.saturating_add(cost);
    }

    /// Takes back a charge to the window that ends at `until`, if that is this one.
    pub(crate) fn refund(&mut self, cost: u32, until: u64) {
        if until == self.span.ends_at {
            self.span.used = self.span.used.saturating_sub(cost);
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }
}

impl Span {
    /// Reads what the script wrote, after its first letter.
    pub(crate) fn decode(packed: &[u8]) -> Option<Self> {
        let (ends_at, used) = packed.split_first_chunk()?;
        Some(Self { ends_at: u64::from_be_bytes(*ends_at), used: u32::from_be_bytes(used.try_into().ok()?) })
    }
}
