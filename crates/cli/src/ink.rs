//! The colours of answers; the console leaves them out where nobody wants them.

pub(crate) const RED: &str = "\x1b[31m";
pub(crate) const GREEN: &str = "\x1b[32m";
pub(crate) const YELLOW: &str = "\x1b[33m";
pub(crate) const BOLD: &str = "\x1b[1m";
/// Ends each of them.
pub(crate) const END: &str = "\x1b[0m";
