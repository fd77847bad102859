//! Writing what is to be restored.

use futures_util::future::try_join_all;
use redstart_connection::{Error, ErrorKind};

use super::{Clash, Compared, Restoring, comparing::Standing};
use crate::{
    Failure,
    archive::Record,
    batches::Batches,
    wire::{self, Restore},
};

/// So many batches travel at the same time.
const AT_ONCE: usize = 4;

impl Restoring<'_> {
    /// Writes every key that is meant and not there as it should be; answers how many were written.
    ///
    /// A key can be in the file twice, and the later one counts. What is there is never replaced unless that
    /// was said: then the file is read from its end, so that the later one comes first and the earlier one
    /// finds it there. With replacing it is read from its beginning, for the same end.
    pub(super) async fn write(&mut self, mut on_progress: impl FnMut(u64) + Send) -> Result<u64, Failure> {
        let replaces = self.clash == Clash::Overwrite;
        let chunks = self.archive.chunks();
        let (mut written, mut seen) = (0, 0);
        for step in 0..chunks {
            let number = if replaces { step } else { chunks - 1 - step };
            let mut records = self.archive.records(number)?;
            seen += records.len() as u64;
            if !replaces {
                records.reverse();
            }
            let records = self.meant(records, &mut Compared::default());
            written += self.write_chunk(&records, replaces).await?;
            on_progress(seen);
        }
        Ok(written)
    }

    async fn write_chunk(&self, records: &[Record], replaces: bool) -> Result<u64, Failure> {
        let mut batches = Vec::new();
        let mut rest = records;
        while !rest.is_empty() {
            let (batch, others) = rest.split_at(Batches::fit(rest.iter().map(Record::len)));
            batches.push(batch);
            rest = others;
        }
        let mut written = 0;
        // Batches that replace keep their order, as a key can be in two of them.
        for together in batches.chunks(if replaces { 1 } else { AT_ONCE }) {
            let writes = together.iter().map(|batch| self.write_batch(batch, replaces));
            written += try_join_all(writes).await?.iter().sum::<u64>();
        }
        Ok(written)
    }

    async fn write_batch(&self, records: &[Record], replaces: bool) -> Result<u64, Failure> {
        let now = self.store.clock().now().as_millis().saturating_add_signed(self.ahead);
        let mut keys = Vec::with_capacity(records.len());
        // What stands there already as it should need not be sent again.
        let standings = if replaces { self.standings(records).await? } else { Vec::new() };
        for (nth, record) in records.iter().enumerate() {
            let expires_at = self.end(record);
            let has_ended = expires_at.is_some_and(|end| end <= now);
            if !has_ended && standings.get(nth) != Some(&Standing::Same) {
                let (name, payload) = (self.wire(&record.name), record.payload.clone());
                keys.push(wire::Restoring { name, expires_at, payload });
            }
        }
        if keys.is_empty() {
            return Ok(0);
        }
        let restored = self.patience.run(self.store, &Restore { keys, replaces }).await;
        let restored = restored.map_err(|error| self.explained(error))?;
        Ok(restored.iter().filter(|one| **one == wire::Restored::Written).count() as u64)
    }

    /// Says what to do where the server's own words don't.
    fn explained(&self, error: Error) -> Failure {
        let is_strange = error.to_string().contains("DUMP payload version");
        let is_full = error.kind() == ErrorKind::OutOfMemory;
        let failure = Failure::from(error);
        let written_by = &self.archive.header().server;
        let here = self.servers.first().map_or("", |server| server.server.as_str());
        if is_strange {
            return failure.with_remedy(format!(
                "the values were written by {written_by}, and {here} does not read that form: restore into the \
                 same version, or a later one"
            ));
        }
        if is_full {
            return failure.with_remedy(
                "the server's memory is full: raise maxmemory, then run the same command again; it goes on",
            );
        }
        failure
    }
}
