//! Peers on Node, each in a process of its own.

use crate::{
    Result,
    child::Child,
    item::ITEMS,
    load::{Count, Slice},
};

/// The peer under way; it ends when this is dropped.
pub(super) struct NodePeer {
    child: Child,
    tasks: usize,
}

impl NodePeer {
    /// Starts `program` on this server, with so many callers and one argument of its own.
    ///
    /// # Errors
    ///
    /// Fails where there is no node, and where the packages can't be had.
    pub(super) fn start(program: &str, url: &str, tasks: usize, argument: u64) -> Result<Self> {
        let arguments = [url, &tasks.to_string(), &ITEMS.to_string(), &argument.to_string()];
        Ok(Self { child: Child::of_node(program, &arguments)?, tasks })
    }

    /// Runs one slice.
    pub(super) fn run(&self, slice: Slice) -> Result<Count> {
        Count::of(self.tasks, &self.child.ask_numbers(&slice.line())?)
    }
}
