//! Comparing a backup with what is there.

use bytes::Bytes;

use super::{Compared, Restoring};
use crate::{
    Failure,
    archive::{Name, Record, is_same_value},
    batches::Batches,
    wire::{Dump, Dumped},
};

/// How far the TTLs of equal keys may be apart, in milliseconds.
const TOLERANCE: u64 = 1_000;
/// So many names are shown.
const EXAMPLES: usize = 5;

/// How a key stands to the backup.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It is not there.
    Absent,
    /// It is there, with the same value and the same end.
    Same,
    /// It is there with another value, or another end.
    Different,
    /// It has ended since the backup.
    Ended,
}

impl Restoring<'_> {
    /// Compares every key that is meant; `on_progress` hears how many were looked at.
    pub(super) async fn compare(
        &mut self,
        mut on_progress: impl FnMut(u64) + Send,
    ) -> Result<Compared, Failure> {
        let mut compared = Compared::default();
        let mut seen = 0;
        for number in 0..self.archive.chunks() {
            let records = self.archive.records(number)?;
            seen += records.len() as u64;
            let mut records: &[Record] = &self.meant(records, &mut compared);
            while !records.is_empty() {
                let (batch, rest) = records.split_at(Batches::fit(records.iter().map(Record::len)));
                for (record, standing) in batch.iter().zip(self.standings(batch).await?) {
                    compared.count(standing, record);
                }
                records = rest;
            }
            on_progress(seen);
        }
        Ok(compared)
    }

    /// The records that are meant.
    pub(super) fn meant(&self, records: Vec<Record>, compared: &mut Compared) -> Vec<Record> {
        let all = records.len();
        let meant: Vec<_> = records.into_iter().filter(|record| self.chosen.takes(&record.name)).collect();
        compared.not_meant += (all - meant.len()) as u64;
        meant
    }

    /// How some keys stand to the backup.
    pub(super) async fn standings(&self, records: &[Record]) -> Result<Vec<Standing>, Failure> {
        let names = records.iter().map(|record| self.wire(&record.name)).collect();
        let there = self.patience.run(self.store, &Dump { names }).await?;
        let now = self.store.clock().now().as_millis().saturating_add_signed(self.ahead);
        let standing = |(record, there): (&Record, Option<Dumped>)| {
            let end = self.end(record);
            let Some(there) = there else {
                return if end.is_some_and(|end| end <= now) { Standing::Ended } else { Standing::Absent };
            };
            let is_same_end = match (end, there.expires_at) {
                (Some(end), Some(there)) => end.abs_diff(there) <= TOLERANCE,
                (None, None) => true,
                _ => false,
            };
            let is_same = is_same_end && is_same_value(&record.payload, &there.payload);
            if is_same { Standing::Same } else { Standing::Different }
        };
        Ok(records.iter().zip(there).map(standing).collect())
    }

    /// The name on this server.
    pub(super) fn wire(&self, name: &Name) -> Bytes {
        name.under(self.store.prefix()).into()
    }

    /// When a key is to end by the clock of this server, in milliseconds since 1970.
    pub(super) fn end(&self, record: &Record) -> Option<u64> {
        Some(record.expires_at?.saturating_add(self.revival).saturating_add_signed(self.ahead))
    }
}

impl Compared {
    fn count(&mut self, standing: Standing, record: &Record) {
        match standing {
            Standing::Absent => self.absent += 1,
            Standing::Same => self.same += 1,
            Standing::Ended => self.ended += 1,
            Standing::Different => {
                self.different += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push(String::from_utf8_lossy(&record.name.plain()).into_owned());
                }
            }
        }
    }
}
