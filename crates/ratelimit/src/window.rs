//! A sliding window: the log of what was admitted within the last period.
//!
//! Each entry has a stamp and how many were admitted under it. With a grain of one microsecond that
//! is the exact log; with a coarser one, hits of one grain share the stamp of its end, so the entry
//! leaves the window up to a grain late, never early: no window ever holds more than the limit.

use std::sync::Arc;

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Window {
    pub(crate) limit: u32,
    /// In microseconds.
    pub(crate) period: u64,
    /// The microseconds that share one entry.
    pub(crate) grain: u64,
}

/// What was admitted, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Log(Vec<Entry>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    stamp: u64,
    count: u32,
}

/// What is within the window now.
#[derive(Debug)]
pub(crate) struct LiveWindow {
    rule: Window,
    now: u64,
    stamp: u64,
    log: Log,
    used: u64,
}

impl Window {
    /// The window at `now`, and whether the log lay ahead of the clock.
    pub(crate) fn open(&self, log: &Log, now: u64) -> (LiveWindow, bool) {
        let late = if self.grain == 1 { 0 } else { self.grain };
        let stamp = now - now % self.grain + late;
        let is_ahead = stamp < log.newest();
        // What had left the window does not come back when the clock steps back.
        let latest = now.max(log.newest().saturating_sub(late));
        let log = log.after(latest.saturating_sub(self.period), stamp);
        let used = log.total();
        (LiveWindow { rule: *self, now, stamp, log, used }, is_ahead)
    }
}

impl LiveWindow {
    pub(crate) fn left(&self) -> u32 {
        u32::try_from(u64::from(self.rule.limit).saturating_sub(self.used)).unwrap_or(self.rule.limit)
    }

    pub(crate) fn reset_after(&self) -> u64 {
        if self.log.0.is_empty() { 0 } else { self.leaves_after(self.log.newest()) }
    }

    pub(crate) fn wait_for(&self, cost: u32) -> u64 {
        let missing = (self.used + u64::from(cost)).saturating_sub(u64::from(self.rule.limit));
        if missing == 0 {
            return 0;
        }
        self.log.stamp_of_nth(missing).map_or_else(|| self.reset_after(), |stamp| self.leaves_after(stamp))
    }

    pub(crate) fn charge(&mut self, cost: u32) {
        self.log.add(self.stamp, cost);
        self.used += u64::from(cost);
    }

    /// Takes back a charge that would leave the window at `until`.
    ///
    /// The oldest entries go, whosever they are: each that stays leaves no earlier than the one it
    /// stands for, so no window ever holds more than the limit.
    pub(crate) fn refund(&mut self, cost: u32, until: u64) {
        if until <= self.now {
            return;
        }
        self.used = self.used.saturating_sub(u64::from(cost));
        self.log.drop_oldest(cost);
    }

    pub(crate) fn into_log(self) -> Arc<Log> {
        Arc::new(self.log)
    }

    fn leaves_after(&self, stamp: u64) -> u64 {
        (stamp + self.rule.period).saturating_sub(self.now)
    }
}

impl Log {
    /// The stamp of the newest entry, zero if there is none.
    pub(crate) fn newest(&self) -> u64 {
        self.0.last().map_or(0, |entry| entry.stamp)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Reads what the script wrote, after its first letter: the base, then stamps with running totals.
    pub(crate) fn decode(packed: &[u8]) -> Option<Self> {
        let (base, entries) = packed.split_first_chunk::<4>()?;
        let mut before = u32::from_be_bytes(*base);
        let (entries, _) = entries.as_chunks::<12>();
        let decoded = entries.iter().filter_map(|entry| {
            let (stamp, total) = entry.split_first_chunk::<8>()?;
            let total = u32::from_be_bytes(total.try_into().ok()?);
            let count = total.wrapping_sub(before);
            before = total;
            Some(Entry { stamp: u64::from_be_bytes(*stamp), count })
        });
        Some(Self(decoded.collect()))
    }

    /// What is stamped after `horizon`; what lies ahead of `latest` counts as happening then.
    fn after(&self, horizon: u64, latest: u64) -> Self {
        let first = self.0.partition_point(|entry| entry.stamp <= horizon);
        let live = &self.0[first..];
        // One more than there are, since an admitted call adds one.
        let mut log = Self(Vec::with_capacity(live.len() + 1));
        if self.newest() <= latest {
            log.0.extend_from_slice(live);
        } else {
            live.iter().for_each(|entry| log.add(entry.stamp.min(latest), entry.count));
        }
        log
    }

    fn add(&mut self, stamp: u64, count: u32) {
        match self.0.last_mut() {
            Some(last) if last.stamp == stamp => last.count = last.count.saturating_add(count),
            _ => self.0.push(Entry { stamp, count }),
        }
    }

    fn drop_oldest(&mut self, mut count: u32) {
        for entry in &mut self.0 {
            let dropped = entry.count.min(count);
            entry.count -= dropped;
            count -= dropped;
        }
        self.0.retain(|entry| 0 < entry.count);
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|entry| u64::from(entry.count)).sum()
    }

    /// The stamp under which the `nth` was admitted, counted from the oldest.
    fn stamp_of_nth(&self, nth: u64) -> Option<u64> {
        let mut seen = 0;
        let entry = self.0.iter().find(|entry| {
            seen += u64::from(entry.count);
            nth <= seen
        });
        entry.map(|entry| entry.stamp)
    }
}
