//! Messages to people: this service writes them to a file, where another would call a mail server.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Where messages go.
#[derive(Debug)]
pub(crate) struct Outbox {
    file: Option<PathBuf>,
    /// One line at a time.
    turn: Mutex<()>,
}

impl Outbox {
    /// Messages to this file; without one they go nowhere.
    pub(crate) const fn new(file: Option<PathBuf>) -> Self {
        Self { file, turn: Mutex::new(()) }
    }

    /// Sends a text to an address.
    pub(crate) fn send(&self, address: &str, text: &str) {
        let Some(file) = &self.file else {
            tracing::info!("a message was not sent: MARKETPLACE_OUTBOX names no file");
            return;
        };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .and_then(|mut file| writeln!(file, "{address}\t{text}"));
        if let Err(error) = written {
            tracing::warn!(%error, "a message was not sent");
        }
    }
}
