//! The invariants, over everything that all processes wrote down.

use std::collections::HashMap;

use super::record::{Record, What};

/// What a history shows.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Finding {
    pub(super) grants: usize,
    /// How often a lease was valid after a later one was granted.
    pub(super) overlaps: usize,
    /// How often a worker that ran did not know yet that its lock was lost when a later one was granted.
    pub(super) late_losses: usize,
    /// How many grants had a poll after a later one was granted: the one that was under way.
    pub(super) late_polls: usize,
    /// The most such polls of one grant.
    pub(super) most_late_polls: usize,
    /// How often the cell took an older fence after a newer one.
    pub(super) stale_writes: usize,
    /// How often it refused.
    pub(super) refusals: usize,
    /// How often a grant had a smaller fence than one that was answered before it was asked for.
    pub(super) falling_fences: usize,
}

impl Finding {
    /// One row of the table of docs/guide/locks.md.
    pub(super) fn row(&self, afflictions: &str) -> String {
        let Self { grants, overlaps, late_losses, late_polls, most_late_polls, .. } = self;
        let Self { refusals, stale_writes, falling_fences, .. } = self;
        format!(
            "| {afflictions} | {grants} | {overlaps} | {late_losses} | {late_polls} | {most_late_polls} | {refusals} \
             | {stale_writes} | {falling_fences} |"
        )
    }
}

pub(super) fn check(records: &[Record]) -> Finding {
    let of = |what: What| records.iter().filter(move |record| record.what == what);
    let mut grants: Vec<&Record> = of(What::Granted).collect();
    grants.sort_by_key(|grant| grant.fence);
    // For each fence, when the next larger one was known to be granted.
    let mut superseded = HashMap::new();
    let mut next = u64::MAX;
    for grant in grants.iter().rev() {
        superseded.insert(grant.fence, next);
        next = next.min(grant.ended);
    }
    let is_late = |record: &&Record| superseded.get(&record.fence).is_some_and(|end| *end < record.began);
    let mut late_polls: HashMap<u64, usize> = HashMap::new();
    for poll in of(What::Polled).filter(is_late) {
        *late_polls.entry(poll.fence).or_default() += 1;
    }
    Finding {
        grants: grants.len(),
        overlaps: of(What::Valid).filter(is_late).count(),
        late_losses: of(What::Lost).filter(is_late).count(),
        late_polls: late_polls.len(),
        most_late_polls: late_polls.values().copied().max().unwrap_or(0),
        stale_writes: falls(of(What::Stored)),
        refusals: of(What::Refused).count(),
        falling_fences: falls(of(What::Granted)),
    }
}

/// How often something has a smaller fence than what had ended before it began.
fn falls<'r>(records: impl Iterator<Item = &'r Record>) -> usize {
    let mut by_begin: Vec<&Record> = records.collect();
    let mut by_end = by_begin.clone();
    by_begin.sort_by_key(|record| record.began);
    by_end.sort_by_key(|record| record.ended);
    let (mut ended, mut largest) = (by_end.into_iter().peekable(), 0);
    let mut falls = 0;
    for record in by_begin {
        while let Some(before) = ended.next_if(|before| before.ended < record.began) {
            largest = largest.max(before.fence);
        }
        falls += usize::from(record.fence < largest);
    }
    falls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> Finding {
        check(&lines.iter().map(|line| format!("@ {line}").parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn clean_history_is_found_clean() {
        let clean = ["granted 1 0 10", "valid 1 20 20", "stored 1 21 25", "granted 2 15 30", "valid 2 31 31"];
        assert_eq!(history(&clean), Finding { grants: 2, ..Finding::default() });
    }

    #[test]
    fn row_has_each_figure_in_its_place() {
        let finding = Finding {
            grants: 1,
            overlaps: 2,
            late_losses: 3,
            late_polls: 4,
            most_late_polls: 5,
            refusals: 6,
            stale_writes: 7,
            falling_fences: 8,
        };
        assert_eq!(finding.row("all"), "| all | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |");
    }

    #[test]
    fn each_damage_is_found() {
        assert_eq!(history(&["granted 1 0 10", "granted 2 15 30", "valid 1 31 32"]).overlaps, 1);
        assert_eq!(history(&["granted 1 0 10", "granted 2 15 30", "lost 1 31 32"]).late_losses, 1);
        let stopped = ["granted 1 0 10", "granted 2 15 30", "lost 1 12 32"];
        assert_eq!(history(&stopped).late_losses, 0, "it did not run in between");
        let late = ["granted 1 0 10", "granted 2 15 30", "polled 1 31 32", "polled 1 33 34"];
        assert_eq!((history(&late).late_polls, history(&late).most_late_polls), (1, 2));
        assert_eq!(history(&["stored 2 0 10", "stored 1 11 12"]).stale_writes, 1);
        assert_eq!(history(&["stored 2 0 10", "stored 1 9 12"]).stale_writes, 0, "they ran side by side");
        assert_eq!(history(&["granted 2 0 10", "granted 1 11 12"]).falling_fences, 1);
    }
}
