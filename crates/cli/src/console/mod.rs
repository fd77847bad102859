//! What people and programs see: answers on the standard output, everything else beside it.

mod confirm;
mod progress;
mod table;

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::ColorChoice;
use serde::Serialize;

pub use self::{progress::Progress, table::Table};
use crate::Failure;

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How the answer looks.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
#[non_exhaustive]
pub struct ConsoleOptions {
    /// Prints one JSON document on the standard output; everything else goes to the standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// Answers every question with yes.
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// When there are colours; NO_COLOR is heeded.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Says more of what happens: once for the toolkit's warnings, twice for its steps.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Where a command writes, and whom it asks.
#[derive(Debug)]
pub struct Console {
    json: bool,
    yes: bool,
}

impl Console {
    /// A console as `options` ask for; sets the colours and the log of the process.
    #[must_use]
    pub fn new(options: &ConsoleOptions) -> Self {
        let ConsoleOptions { json, yes, color, verbose } = options;
        match color {
            Color::Auto => {}
            Color::Always => ColorChoice::AlwaysAnsi.write_global(),
            Color::Never => ColorChoice::Never.write_global(),
        }
        let level = match verbose {
            0 => "off",
            1 => "warn",
            _ => "debug",
        };
        let log = tracing_subscriber::fmt().with_env_filter(level).with_writer(io::stderr).with_ansi(false);
        // Whoever embeds this may have a log of his own.
        let _is_first = log.try_init();
        Self { json: *json, yes: *yes }
    }

    /// Whether programs read the answer.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether every question is answered with yes.
    #[must_use]
    pub const fn says_yes(&self) -> bool {
        self.yes
    }

    /// Whether a person sits there who can be asked.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Prints a line of the answer; with `--json` it goes beside the document.
    pub fn line(&self, text: &str) {
        if self.json { self.note(text) } else { ended(writeln!(anstream::stdout(), "{text}")) }
    }

    /// Says something that is no part of the answer.
    pub fn note(&self, text: &str) {
        ended(writeln!(anstream::stderr(), "{text}"));
    }

    /// Prints the answer: as one JSON document, or for people by `shown`.
    ///
    /// # Errors
    ///
    /// Fails when the answer can't be written as JSON.
    pub fn answer<T: Serialize>(&self, answer: &T, shown: impl FnOnce(&Self, &T)) -> Result<(), Failure> {
        if !self.json {
            shown(self, answer);
            return Ok(());
        }
        let document = serde_json::to_string_pretty(answer)
            .map_err(|error| Failure::usage(format!("the answer can't be written as JSON: {error}")))?;
        ended(writeln!(anstream::stdout(), "{document}"));
        Ok(())
    }

    /// Writes bytes as they are to the standard output.
    ///
    /// # Errors
    ///
    /// Fails when they can't be written; a reader who has gone is no failure.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        match io::stdout().write_all(bytes) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Says why the work could not be done; with `--json` as the one document.
    pub fn failure(&self, failure: &Failure) {
        if self.json {
            let document = serde_json::json!({
                "error": {
                    "message": failure.to_string(),
                    "remedy": failure.remedy(),
                    "exitCode": failure.exit().code(),
                },
            });
            ended(writeln!(anstream::stdout(), "{document:#}"));
        }
        self.note(&format!("\x1b[1;31merror:\x1b[0m {failure}"));
        if let Some(remedy) = failure.remedy() {
            self.note(&format!("  \x1b[36m→\x1b[0m {remedy}"));
        }
    }
}

/// A reader who has gone has read enough; anything else that ails the output can't be told there.
fn ended(written: io::Result<()>) {
    drop(written);
}
