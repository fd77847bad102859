//! Server-side scripts.

use std::sync::OnceLock;

/// A Lua script, sent by its digest and loaded when the server does not know it.
///
/// `ARGV[1]` is the time: empty for the server's own clock, or microseconds since the Unix epoch
/// under a clock that a test moves. The script's own arguments start at `ARGV[2]`. A [lean](Script::lean) script
/// has them from `ARGV[1]` on, and the time behind them.
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    source: &'static str,
    is_lean: bool,
    digest: OnceLock<String>,
}

impl Script {
    /// Declares a script; meant for a `static`.
    #[must_use]
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, is_lean: false, digest: OnceLock::new() }
    }

    /// Declares a script that is sent nothing but its own arguments, and after them the time only under a clock
    /// that a test moves.
    ///
    /// For small scripts that are called often: an argument costs a server as much as it takes to look whether a
    /// key is there.
    #[must_use]
    pub const fn lean(name: &'static str, source: &'static str) -> Self {
        Self { name, source, is_lean: true, digest: OnceLock::new() }
    }

    /// The script's name, for errors.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn is_lean(&self) -> bool {
        self.is_lean
    }

    pub(crate) const fn source(&self) -> &'static str {
        self.source
    }

    /// The SHA-1 by which the server knows the script.
    pub(crate) fn digest(&self) -> &str {
        self.digest.get_or_init(|| ::redis::Script::new(self.source).get_hash().to_owned())
    }
}
