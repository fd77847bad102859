//! The four laws, over everything that all nodes wrote down.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    time::Duration,
};

use super::record::{Record, What};

/// What a history shows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Finding {
    pub(super) reads: usize,
    pub(super) changes: usize,
    /// Reads of something older than a change that this very process had made and seen answered.
    pub(super) stale_here: usize,
    /// Reads of something older than a change that others were told of longer ago than is tolerated.
    pub(super) stale_elsewhere: usize,
    /// Reads of something older than the same process had been shown from a tier before.
    pub(super) gone_back: usize,
    /// Tiers that have something older than the last change when all has come to rest.
    pub(super) stale_at_rest: usize,
    /// How long after others were told of a change something older was still shown, at the most.
    pub(super) worst_lag: Duration,
    /// How many reads in another process showed something older within what is tolerated.
    pub(super) late: usize,
    /// How many were answered by memory in place of the server.
    pub(super) standby: usize,
    /// How many reads of a tier showed something older than a loader had brought to this process.
    ///
    /// A loader reads a change before anybody is told of it, and may then not be allowed to store what it
    /// read; what is in the store may be shown as long as others may be behind.
    pub(super) ahead: usize,
    /// The first breach with what led to it: the changes of its key, and what its node read of it.
    pub(super) example: Option<String>,
}

/// A law that a record breaks.
#[derive(Clone, Copy, Debug)]
enum Breach {
    StaleHere,
    StaleElsewhere,
    GoneBack,
    StaleAtRest,
}

impl Finding {
    /// How often a law was broken.
    pub(super) const fn breaches(&self) -> usize {
        self.stale_here + self.stale_elsewhere + self.gone_back + self.stale_at_rest
    }

    /// Adds what another history shows.
    pub(super) fn add(&mut self, other: Self) {
        self.reads += other.reads;
        self.changes += other.changes;
        self.stale_here += other.stale_here;
        self.stale_elsewhere += other.stale_elsewhere;
        self.gone_back += other.gone_back;
        self.stale_at_rest += other.stale_at_rest;
        self.worst_lag = self.worst_lag.max(other.worst_lag);
        self.late += other.late;
        self.standby += other.standby;
        self.ahead += other.ahead;
        self.example = self.example.take().or(other.example);
    }
}

/// Checks a history in which other processes may show what is older for `max_staleness`.
pub(super) fn check(records: &[Record], max_staleness: Duration) -> Finding {
    let mut finding = Finding::default();
    let mut by_key: HashMap<u64, Vec<Record>> = HashMap::new();
    for record in records {
        by_key.entry(record.key).or_default().push(*record);
    }
    for history in by_key.into_values() {
        check_key(history, max_staleness, &mut finding);
    }
    finding
}

fn check_key(mut history: Vec<Record>, max_staleness: Duration, finding: &mut Finding) {
    history.sort_by_key(|record| record.began);
    let tolerated = u64::try_from(max_staleness.as_micros()).unwrap_or(u64::MAX);
    let changes = |of: &dyn Fn(&Record) -> bool| {
        Marks::of(history.iter().filter(|record| record.what.is_change() && of(record)))
    };
    let told = changes(&|record| record.what == What::Told);
    let all = changes(&|_| true);
    let nodes: BTreeSet<usize> = history.iter().map(|record| record.node).collect();
    finding.changes += history.iter().filter(|record| record.what.is_change()).count();
    let mut first: Option<(Breach, Record)> = None;
    for node in nodes {
        let own = changes(&|record| record.node == node);
        let by_tiers = |what| matches!(what, What::ReadNear | What::ReadFar);
        let shown = Marks::of(history.iter().filter(|record| record.node == node && by_tiers(record.what)));
        let loaded =
            Marks::of(history.iter().filter(|record| record.node == node && record.what == What::ReadLoaded));
        for read in history.iter().filter(|record| record.node == node && record.what.is_read()) {
            finding.reads += 1;
            finding.standby += usize::from(read.what == What::ReadStandby);
            finding.ahead += usize::from(by_tiers(read.what) && read.version < loaded.at(read.began));
            if let Some(lag) = told.lag(read) {
                finding.late += 1;
                finding.worst_lag = finding.worst_lag.max(Duration::from_micros(lag));
            }
            let breaches = [
                (read.version < own.at(read.began), Breach::StaleHere, &mut finding.stale_here),
                (
                    read.version < told.at(read.began.saturating_sub(tolerated)),
                    Breach::StaleElsewhere,
                    &mut finding.stale_elsewhere,
                ),
                (read.version < shown.at(read.began), Breach::GoneBack, &mut finding.gone_back),
            ];
            for (is_broken, breach, count) in breaches {
                *count += usize::from(is_broken);
                first = first.or_else(|| is_broken.then_some((breach, *read)));
            }
        }
    }
    for rest in history.iter().filter(|record| record.what == What::AtRest) {
        let is_broken = rest.version < all.at(rest.began);
        finding.stale_at_rest += usize::from(is_broken);
        first = first.or_else(|| is_broken.then_some((Breach::StaleAtRest, *rest)));
    }
    if let Some((breach, record)) = first {
        finding.example.get_or_insert_with(|| example(breach, &record, &history));
    }
}

/// The greatest version up to each moment.
struct Marks(Vec<(u64, u64)>);

impl Marks {
    fn of<'r>(records: impl Iterator<Item = &'r Record>) -> Self {
        let mut marks: Vec<(u64, u64)> = records.map(|record| (record.ended, record.version)).collect();
        marks.sort_unstable();
        let mut greatest = 0;
        for (_, version) in &mut marks {
            greatest = greatest.max(*version);
            *version = greatest;
        }
        Self(marks)
    }

    /// The greatest version of what had ended before `time`.
    fn at(&self, time: u64) -> u64 {
        let before = self.0.partition_point(|(ended, _)| *ended < time);
        before.checked_sub(1).map_or(0, |last| self.0[last].1)
    }

    /// For how long there had been something newer when `read` began.
    fn lag(&self, read: &Record) -> Option<u64> {
        let newer = self.0.partition_point(|(_, version)| *version <= read.version);
        self.0.get(newer).and_then(|(ended, _)| read.began.checked_sub(*ended)).filter(|lag| *lag > 0)
    }
}

/// What led to a breach, for whoever has to find out why.
fn example(breach: Breach, broken: &Record, history: &[Record]) -> String {
    const LINES: usize = 40;
    let concerns = |record: &&Record| {
        (record.what.is_change() || record.node == broken.node) && record.began <= broken.ended
    };
    let mut lines: Vec<String> = history.iter().filter(concerns).map(ToString::to_string).collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    format!("{breach:?}: {broken}\n{}", lines.join("\n"))
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reads, changes, stale_here, stale_elsewhere, gone_back, stale_at_rest, .. } = self;
        write!(
            f,
            "{reads} reads, {changes} changes; stale here {stale_here}, elsewhere {stale_elsewhere}, gone back \
             {gone_back}, at rest {stale_at_rest}; {} late within what is tolerated, {:?} at the most; {} behind a \
             loader, {} by standby",
            self.late, self.worst_lag, self.ahead, self.standby
        )?;
        self.example.as_ref().map_or(Ok(()), |example| write!(f, "\n{example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERATED: Duration = Duration::from_micros(100);

    fn history(lines: &[&str]) -> Finding {
        let records: Vec<Record> = lines.iter().map(|line| format!("@ {line}").parse().unwrap()).collect();
        Finding { example: None, ..check(&records, TOLERATED) }
    }

    #[test]
    fn clean_history_is_found_clean() {
        // Side by side with a change, and elsewhere for a while after it, the old value may be shown.
        let finding =
            history(&["told 0 1 2 10 20", "near 0 1 1 19 30", "near 1 1 1 60 61", "far 1 1 2 130 131"]);
        let late = Finding {
            reads: 3,
            changes: 1,
            late: 1,
            worst_lag: Duration::from_micros(40),
            ..Finding::default()
        };
        assert_eq!(finding, late);
    }

    #[test]
    fn each_law_is_kept_apart() {
        assert_eq!(history(&["kept 0 1 2 10 20", "near 0 1 1 21 30"]).stale_here, 1);
        assert_eq!(history(&["kept 0 1 2 10 20", "near 1 1 1 210 300"]).breaches(), 0, "it was not told yet");
        assert_eq!(history(&["told 0 1 2 10 20", "near 1 1 1 121 130"]).stale_elsewhere, 1);
        assert_eq!(history(&["far 1 1 2 10 20", "near 1 1 1 21 30"]).gone_back, 1);
        assert_eq!(history(&["far 1 1 2 10 20", "near 1 1 1 20 30"]).breaches(), 0, "they ran side by side");
        assert_eq!(history(&["far 1 1 2 10 20", "near 2 1 1 21 30"]).breaches(), 0, "another process");
        assert_eq!(history(&["kept 0 1 2 10 20", "at-rest 1 1 1 21 30"]).stale_at_rest, 1);
        assert_eq!(history(&["told 0 1 2 10 20", "near 0 2 1 21 30"]).breaches(), 0, "another key");
    }

    #[test]
    fn loader_may_be_ahead_of_what_is_told() {
        let finding = history(&["loaded 1 1 2 10 20", "far 1 1 1 21 30"]);
        assert_eq!((finding.breaches(), finding.ahead), (0, 1));
    }
}
