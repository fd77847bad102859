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
