//! Questions before something is changed.

use std::io::{self, BufRead, Write};

use super::Console;
use crate::Failure;

impl Console {
    /// Asks whether to go on; yes without asking where that was said beforehand.
    ///
    /// # Errors
    ///
    /// Fails where nobody can be asked and nobody has said yes.
    pub fn confirm(&self, question: &str) -> Result<bool, Failure> {
        if self.says_yes() {
            return Ok(true);
        }
        if !self.is_attended() {
            return Err(Failure::usage(format!("{question} Nobody is here to answer"))
                .with_remedy("say yes beforehand with --yes, or run this in a terminal"));
        }
        write!(anstream::stderr(), "{question} [y/N] ")?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a word to be typed, for what can't be undone; `--yes` is as good.
    ///
    /// # Errors
    ///
    /// As [`Console::confirm`].
    pub fn confirm_by(&self, word: &str, question: &str) -> Result<bool, Failure> {
        if self.says_yes() {
            return Ok(true);
        }
        if !self.is_attended() {
            return self.confirm(question);
        }
        write!(anstream::stderr(), "{question} Type {word} to go on: ")?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == word)
    }
}
