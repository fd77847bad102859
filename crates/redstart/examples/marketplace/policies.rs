//! The rate limits, as the code states them.
//!
//! `RATE_LIMIT_<NAME>` changes one, and so does the table `limits` of the file that
//! `MARKETPLACE_LIMITS` names, while the service runs.

use std::time::Duration;

use redstart::{
    Policy,
    ratelimit::{OnOutage, PolicyTable},
};

// For all endpoints that have no limit of their own, together.
pub(crate) const PUBLIC: Policy = Policy::per_minute("public", 60)
    .describe("Calls of a visitor, by address, of what has no limit of its own.");
pub(crate) const AUTHENTICATED: Policy =
    Policy::per_minute("authenticated", 120).describe("Calls of a user of what has no limit of its own.");
// For everything.
pub(crate) const API: Policy = Policy::per_hour("api", 1_000).describe("Calls of a client within an hour.");
pub(crate) const ADMIN: Policy =
    Policy::per_minute("admin", 300).describe("Calls of an administrator within a minute.");

// For what costs more than a call.
pub(crate) const UPLOAD: Policy =
    Policy::per_hour("upload", 50).describe("Uploads of a user within an hour.");
pub(crate) const MESSAGE: Policy =
    Policy::per_hour("message", 100).describe("Messages of a user within an hour.");
pub(crate) const EXPORT: Policy =
    Policy::per_hour("export", 10).describe("Exports of a user within an hour.");
pub(crate) const BOOKING: Policy =
    Policy::per_hour("booking", 10).describe("Bookings of a user within an hour.");
/// Without a store nobody counts the tries of a stolen card, so then nobody pays.
pub(crate) const PAYMENT: Policy = Policy::per_minute("payment", 10)
    .on_outage(OnOutage::Deny)
    .describe("Payments within a minute, by user and by address.");
/// Attempts to log in, for an e-mail and for an address alike; both are personal data.
///
/// Without a store nobody counts the guesses at a password, so then nobody logs in.
pub(crate) const LOGIN: Policy = Policy::per("login", 5, Duration::from_secs(15 * 60))
    .sensitive()
    .on_outage(OnOutage::Deny)
    .describe("Attempts to log in, by e-mail and by address.");
pub(crate) const PASSWORD_RESET: Policy = Policy::per_hour("password-reset", 3)
    .sensitive()
    .describe("Requests for a new password within an hour, by e-mail and by address.");

// For single endpoints, by client.
pub(crate) const SEARCH: Policy = Policy::per_minute("search", 60).describe("Searches of a client.");
pub(crate) const SCHOLARSHIPS: Policy =
    Policy::per_minute("scholarships", 60).describe("Lists of scholarships, by client.");
pub(crate) const RECOMMENDATIONS: Policy =
    Policy::per_minute("recommendations", 30).describe("Recommendations to a client.");
pub(crate) const ELIGIBILITY: Policy =
    Policy::per_minute("eligibility-check", 30).describe("Checks of eligibility, by client.");
pub(crate) const ANALYTICS: Policy =
    Policy::per_minute("analytics", 100).describe("Reports to a client, of all kinds.");
pub(crate) const INTERACTIONS: Policy =
    Policy::per_minute("interactions", 120).describe("Interactions of a client with products.");
pub(crate) const DEFAULT: Policy = Policy::per_minute("default", 100)
    .describe("Calls of a client of an endpoint without a limit of its own.");

/// All of them.
pub(crate) const ALL: [Policy; 18] = [
    PUBLIC,
    AUTHENTICATED,
    API,
    ADMIN,
    UPLOAD,
    MESSAGE,
    EXPORT,
    BOOKING,
    PAYMENT,
    LOGIN,
    PASSWORD_RESET,
    SEARCH,
    SCHOLARSHIPS,
    RECOMMENDATIONS,
    ELIGIBILITY,
    ANALYTICS,
    INTERACTIONS,
    DEFAULT,
];

/// The limits that the environment may change.
pub(crate) fn table() -> PolicyTable {
    PolicyTable::new(&ALL)
}
