//! bentocache, the two-tier cache of Node, in processes of its own.

use std::cell::RefCell;

use crate::{
    Result,
    child::Child,
    load::{Count, Slice},
    server::Server,
};

/// A process of bentocache whose callers all miss at once; it ends when this is dropped.
pub(super) struct Bento {
    process: Child,
    loads: RefCell<Vec<f64>>,
}

impl Bento {
    /// Starts it with so many callers.
    ///
    /// # Errors
    ///
    /// Fails where there is no node, and where the package can't be had.
    pub(super) fn stampedes(server: &Server, callers: usize) -> Result<Self> {
        let process = Child::of_node("cache.mjs", &["stampede", &server.url(), &callers.to_string()])?;
        Ok(Self { process, loads: RefCell::default() })
    }

    /// Runs one slice.
    pub(super) fn run(&self, slice: Slice) -> Result<Count> {
        let mut numbers = self.process.ask_numbers(&slice.line())?;
        let worst = numbers.pop().ok_or("node has said nothing")?;
        self.loads.borrow_mut().push(worst as f64);
        Count::of(1, &numbers)
    }

    /// How often the worst stampede of each slice loaded.
    pub(super) fn loads(&self) -> Vec<f64> {
        self.loads.borrow().clone()
    }
}
