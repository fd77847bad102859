//! rate-limiter-flexible, the limiter of Node, in a process of its own.

use super::TASKS;
use crate::{
    Result,
    child::Child,
    item::ITEMS,
    load::{Count, Slice},
};

/// The peer under way; it ends when this is dropped.
pub(super) struct Flexible(Child);

impl Flexible {
    /// Starts it on this server.
    ///
    /// # Errors
    ///
    /// Fails where there is no node, and where the package can't be had.
    pub(super) fn start(url: &str, points: u32) -> Result<Self> {
        let arguments = [url, &TASKS.to_string(), &ITEMS.to_string(), &points.to_string()];
        Child::of_node("limits.mjs", &arguments).map(Self)
    }

    /// Runs one slice.
    pub(super) fn run(&self, slice: Slice) -> Result<Count> {
        Count::of(TASKS, &self.0.ask_numbers(&slice.line())?)
    }
}
