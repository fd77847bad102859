//! What happened to the connections, for whoever wants to know.

use tokio::sync::broadcast;

/// Something that happened to the connection as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A lane is connected for the first time.
    Connected {
        /// Which server.
        server: String,
        /// Which lane.
        lane: usize,
    },
    /// A lane lost its connection.
    Lost {
        /// Which server.
        server: String,
        /// Which lane.
        lane: usize,
        /// Why, in one word.
        reason: &'static str,
    },
    /// A lane is connected again.
    Reconnected {
        /// Which server.
        server: String,
        /// Which lane.
        lane: usize,
    },
    /// An attempt to connect failed.
    ConnectFailed {
        /// Which server.
        server: String,
        /// Which lane.
        lane: usize,
        /// Why.
        cause: String,
    },
    /// Another server is the master now, of everything or of a part of the cluster.
    Failover {
        /// Which one.
        to: String,
    },
    /// Too many of the last calls to a server failed or were slow; it is left alone for a while.
    BreakerOpened {
        /// Which server.
        server: String,
        /// Why.
        cause: String,
    },
    /// A few calls go to the server as probes.
    BreakerHalfOpened {
        /// Which server.
        server: String,
    },
    /// All calls go to the server again.
    BreakerClosed {
        /// Which server.
        server: String,
    },
    /// This process's memory answers, as far as it may, in place of a server that is away.
    StandbyEntered {
        /// Which server.
        server: String,
    },
    /// The server answers again, and knows of everything that was invalidated meanwhile.
    StandbyLeft {
        /// Which server.
        server: String,
        /// How many invalidations were replayed.
        replayed: usize,
    },
    /// The process ends with invalidations of which the server has not heard.
    JournalLost {
        /// How many.
        entries: usize,
    },
    /// The store is shut down.
    ShutDown,
    /// The subscriber was too slow; so many events are missing here.
    Missed(u64),
}

/// A subscription to the events of a store.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    /// The next event; none after the store is gone.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped midway.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The sending side.
#[derive(Clone, Debug)]
pub(crate) struct Announcer(broadcast::Sender<Event>);

impl Announcer {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(256).0)
    }

    pub(crate) fn announce(&self, event: Event) {
        match &event {
            Event::Connected { server, lane } => tracing::info!(server, lane, "connected to redis"),
            Event::Reconnected { server, lane } => tracing::info!(server, lane, "connected to redis again"),
            Event::Lost { server, lane, reason } => {
                tracing::warn!(server, lane, reason, "lost the connection to redis")
            }
            Event::ConnectFailed { server, lane, cause } => {
                tracing::debug!(server, lane, cause, "could not connect to redis")
            }
            Event::Failover { to } => tracing::warn!(to, "another redis server is the master now"),
            Event::BreakerOpened { server, cause } => {
                tracing::warn!(server, cause, "redis is left alone for a while")
            }
            Event::BreakerHalfOpened { server } => tracing::debug!(server, "redis is being probed"),
            Event::BreakerClosed { server } => tracing::info!(server, "redis is in use again"),
            Event::StandbyEntered { server } => {
                tracing::warn!(server, "memory answers in place of redis, as far as it may")
            }
            Event::StandbyLeft { server, replayed } => {
                tracing::info!(server, replayed, "redis answers again in place of memory")
            }
            Event::JournalLost { entries } => {
                tracing::error!(entries, "the process ends with invalidations of which redis has not heard")
            }
            Event::ShutDown | Event::Missed(_) => {}
        }
        // Nobody listening is no error.
        drop(self.0.send(event));
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events(self.0.subscribe())
    }
}
