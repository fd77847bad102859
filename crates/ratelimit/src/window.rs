//! A sliding window: the log of what was admitted within the last period.
//!
//! Each entry has a stamp and how many were admitted under it. With a grain of one microsecond that
//! is the exact log; with a coarser one, hits of one grain share the stamp of its end, so the entry
//! leaves the window up to a grain late, never early: no window ever holds more than the limit.

use std::sync::Arc;

use crate::rule::{Charged, Reading, Refused, State, Trial};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

impl Window {
    pub(crate) fn try_charge(&self, log: &Log, cost: u32, now: u64) -> Trial {
        let stamp = now - now % self.grain + self.grain - 1;
        let repaired = stamp < log.newest();
        let live = log.after(now.saturating_sub(self.period), stamp);
        let leaves_after = |stamp: u64| (stamp + self.period).saturating_sub(now);

        let used = live.total();
        let left = u64::from(self.limit).saturating_sub(used);
        let reset_after = if live.0.is_empty() { 0 } else { leaves_after(live.newest()) };
        let before = Reading::new(u32::try_from(left).unwrap_or(self.limit), reset_after);
        let missing = (used + u64::from(cost)).saturating_sub(u64::from(self.limit));
        if 0 < missing {
            let wait = live.stamp_of_nth(missing).map_or(reset_after, leaves_after);
            let repaired = repaired.then(|| State::Log(Arc::new(live)));
            return Trial { before, verdict: Err(Refused { wait, repaired }) };
        }
        let remaining = before.remaining.saturating_sub(cost);
        let charged = Charged {
            after: Reading::new(remaining, leaves_after(stamp)),
            state: State::Log(Arc::new(live.with(stamp, cost))),
        };
        Trial { before, verdict: Ok(charged) }
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

    /// Reads what the script wrote; what is none of its logs counts as nothing.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let Some((base, entries)) = bytes.strip_prefix(b"w").and_then(|rest| rest.split_first_chunk::<4>())
        else {
            return Self::default();
        };
        let mut before = u32::from_be_bytes(*base);
        let (entries, _) = entries.as_chunks::<12>();
        let decoded = entries.iter().filter_map(|entry| {
            let (stamp, total) = entry.split_first_chunk::<8>()?;
            let total = u32::from_be_bytes(total.try_into().ok()?);
            let count = total.wrapping_sub(before);
            before = total;
            Some(Entry { stamp: u64::from_be_bytes(*stamp), count })
        });
        Self(decoded.collect())
    }

    /// What is stamped after `horizon`; what lies ahead of `latest` counts as happening then.
    fn after(&self, horizon: u64, latest: u64) -> Self {
        let first = self.0.partition_point(|entry| entry.stamp <= horizon);
        let live = &self.0[first..];
        if self.newest() <= latest {
            // One more than there are, since an admitted call adds one.
            let mut copy = Vec::with_capacity(live.len() + 1);
            copy.extend_from_slice(live);
            return Self(copy);
        }
        live.iter().fold(Self::default(), |log, entry| log.with(entry.stamp.min(latest), entry.count))
    }

    fn with(mut self, stamp: u64, count: u32) -> Self {
        match self.0.last_mut() {
            Some(last) if last.stamp == stamp => last.count = last.count.saturating_add(count),
            _ => self.0.push(Entry { stamp, count }),
        }
        self
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
