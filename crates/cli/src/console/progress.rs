//! How far it is, while it takes long.

use std::{borrow::Cow, io, io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Console;

/// How long something may take before it shows how far it is.
const SILENCE: Duration = Duration::from_secs(2);

const BAR: &str = "{msg} {wide_bar:.cyan/dim} {human_pos}/{human_len} {eta}";

const SPINNER: &str = "{spinner:.cyan} {msg} {human_pos} {elapsed}";

/// A bar on the standard error, where that is a terminal; clears itself away when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Console {
    /// A bar for `length` steps, or a spinner where nobody knows how many there are.
    ///
    /// It shows itself after two seconds.
    #[must_use]
    pub fn progress(&self, length: Option<u64>, what: impl Into<Cow<'static, str>>) -> Progress {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::new_spinner(),
        };
        let template = if length.is_some() { BAR } else { SPINNER };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let is_shown = io::stderr().is_terminal();
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_message(what);
        let shown = bar.clone();
        if is_shown {
            // A thread of its own, since the work may hold up the one that it runs on; it ends with the bar.
            std::thread::spawn(move || {
                std::thread::sleep(SILENCE);
                if !shown.is_finished() {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(Duration::from_millis(100));
                }
            });
        }
        Progress(bar)
    }
}

impl Progress {
    /// So many steps are done.
    pub fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    /// There are so many steps, as far as is known now.
    pub fn of(&self, length: u64) {
        self.0.set_length(length);
    }

    /// Says what is going on now.
    pub fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
