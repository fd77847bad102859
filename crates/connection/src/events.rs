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
            Event::ShutDown | Event::Missed(_) => {}
        }
        // Nobody listening is no error.
        drop(self.0.send(event));
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events(self.0.subscribe())
    }
}
