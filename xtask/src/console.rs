//! What a chore says while it works: progress on stderr, results on stdout.

use std::{
    fmt,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;

use crate::Result;

/// Begins a part of a chore.
pub(crate) fn heading(text: &str) {
    anstream::eprintln!("\n\x1b[1m── {text}\x1b[0m");
}

/// Shows a command before it runs.
pub(crate) fn command(line: &str) {
    anstream::eprintln!("\x1b[2m$ {line}\x1b[0m");
}

/// Says something that is worth knowing.
pub(crate) fn note(text: &str) {
    anstream::eprintln!("{text}");
}

/// Says that something was left out, and why.
pub(crate) fn skipped(what: &str, why: &str) {
    anstream::eprintln!("\x1b[33mskipped:\x1b[0m {what}: {why}");
}

/// Says why a chore failed.
pub(crate) fn failure(reason: &str) {
    anstream::eprintln!("\x1b[31mfailed:\x1b[0m {reason}");
}

/// Prints a result.
pub(crate) fn result(text: &str) {
    anstream::println!("{text}");
}

/// Does something silent that takes a while: a spinner on a terminal, two lines elsewhere.
pub(crate) fn busy<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let watch = Stopwatch::start();
    let spinner = io::stderr().is_terminal().then(|| {
        let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        spinner
    });
    if spinner.is_none() {
        note(&format!("{what} …"));
    }
    let done = work();
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    match &done {
        Ok(_) => note(&format!("{what}: done in {watch}")),
        Err(_) => note(&format!("{what}: failed after {watch}")),
    }
    done
}

/// Tells how long something took; displays like `3.4 s`.
#[derive(Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "chores take real time and have no store")]
        Self(Instant::now())
    }
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.elapsed().as_secs_f64())
    }
}
