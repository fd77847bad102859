//! What calls do: steps on a store, or requests to a service.

mod http;
mod store;

pub use self::{http::HttpWork, store::StoreWork};
use super::choice::Choice;

/// What the calls of a load do.
pub trait Work: Send + Sync + 'static {
    /// The names of the steps, in the order of the mix.
    fn steps(&self) -> Vec<String>;

    /// How often each of them is made, compared with the others.
    fn weights(&self) -> Vec<f64>;

    /// Makes one call.
    fn call(&self, choice: Choice) -> impl Future<Output = Answer> + Send;

    /// How many calls there was no connection or permit for, since the beginning.
    fn exhausted(&self) -> u64;
}

/// What came of one call.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// It did what it should.
    Done,
    /// It read something that was there.
    Hit,
    /// It read something that was not there.
    Miss,
    /// A limit refused it, which is what limits are for.
    Limited,
    /// It failed.
    Failed {
        /// The class of the failure, such as `timeout`.
        class: &'static str,
        /// What it said, without secrets.
        text: String,
    },
}
