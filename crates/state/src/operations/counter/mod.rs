//! Counts: added in batches, read by their time; the most counted; visitors.

mod count;
mod sketch;
mod top;
mod visitors;

pub use self::{
    count::{AddCounts, ReadCounts},
    top::{AddTop, ReadTop},
    visitors::{CountVisitors, SeeVisitors},
};

use redstart_connection::{Invocation, Result, WriteArg};
use redstart_keys::Ttl;

/// What one process counted since its last batch; a batch that is sent twice counts once.
#[derive(Clone, Debug)]
pub struct Batch<F> {
    pub(crate) writer: String,
    pub(crate) number: u64,
    /// Sorted.
    pub(crate) amounts: Vec<(F, u64)>,
}

impl<F: Ord> Batch<F> {
    /// The batch of this number of a writer, whose batches come one after the other.
    #[must_use]
    pub fn new(writer: &str, number: u64, mut amounts: Vec<(F, u64)>) -> Self {
        amounts.sort();
        Self { writer: writer.to_owned(), number, amounts }
    }
}

impl<F: WriteArg + Sync> Batch<F> {
    /// Adds it by a script that keeps what it counts for `keep` and within `bound`; answers whether it was new.
    async fn add(&self, call: Invocation<'_>, keep: Ttl, bound: impl WriteArg + Send) -> Result<bool> {
        let Self { writer, number, amounts } = self;
        let call = call.arg(writer).arg(*number).arg(keep.as_millis()).arg(bound);
        let call = amounts.iter().fold(call, |call, (field, count)| call.arg(field).arg(*count));
        Ok(call.invoke().await?.into_int()? == 1)
    }
}
