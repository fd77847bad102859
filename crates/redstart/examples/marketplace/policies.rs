//! The rate limits, as the code states them; `RATE_LIMIT_<NAME>` changes them.

use std::time::Duration;

use redstart::{
    Policy,
    ratelimit::{OnOutage, PolicyTable},
};

/// Searches of a client.
pub(crate) const SEARCH: Policy = Policy::per_minute("search", 60).describe("Searches of a client.");

/// Attempts to log in, for an e-mail and for an address alike; both are personal data.
///
/// Without a store nobody counts the guesses at a password, so then nobody logs in.
pub(crate) const LOGIN: Policy = Policy::per("login", 5, Duration::from_secs(15 * 60))
    .sensitive()
    .on_outage(OnOutage::Deny)
    .describe("Attempts to log in, by e-mail and by address.");

/// The limits that the environment may change.
pub(crate) fn table() -> PolicyTable {
    PolicyTable::new(&[SEARCH, LOGIN])
}
