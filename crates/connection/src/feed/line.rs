//! What a reader of a stream reads over.

use std::{sync::Arc, time::Duration};

use redstart_keys::Key;
use tokio::{sync::watch, time::timeout};

use super::PATIENCE;
use crate::{
    Result, Value,
    redis::{Link, Rest, Route, Session},
};

/// The way to the server's streams.
pub(super) enum Line {
    /// A connection of its own, on which the server says when there is something.
    Waiting(Session),
    /// Requests again and again.
    Polling(Poll),
}

/// How a reader asks that can't be told.
pub(super) struct Poll {
    rest: Arc<Rest>,
    /// Changes when this very process has something to tell.
    news: watch::Receiver<u64>,
    /// The last answer held nothing.
    idle: bool,
}

impl Line {
    pub(super) async fn open(link: &Link, key: &Key) -> Result<Self> {
        if let Route::Rest(rest) = &link.route {
            return Ok(Self::Polling(Poll { rest: Arc::clone(rest), news: rest.news(), idle: false }));
        }
        let slot = link.slot(&link.name(key));
        Ok(Self::Waiting(link.node(slot, false).await?.exclusive.session().await?))
    }

    pub(super) async fn send(&mut self, cmd: &redis::Cmd, within: Duration) -> Result<Value> {
        match self {
            Self::Waiting(session) => session.send(cmd, within).await,
            Self::Polling(poll) => poll.rest.ask(cmd, within).await,
        }
    }

    /// Whether the server waits for news before it answers.
    pub(super) const fn is_told(&self) -> bool {
        matches!(self, Self::Waiting(_))
    }
}

impl Poll {
    /// Waits until it is worth to ask again; dropped midway, it waits again.
    pub(super) async fn turn(&mut self) {
        if self.idle {
            // The end of the wait and the end of the store are the same here: the next request tells.
            let _woken = timeout(PATIENCE, self.news.changed()).await;
        }
        // What is told from here on may miss the answer that is asked for now.
        self.news.mark_unchanged();
    }

    pub(super) const fn set_idle(&mut self, idle: bool) {
        self.idle = idle;
    }
}
