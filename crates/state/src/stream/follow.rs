//! One reader for all followers of a process.

use std::{
    mem,
    sync::{Arc, Weak, atomic::Ordering},
};

use redstart_connection::{Delivery, Entry, Feed};
use tokio::sync::broadcast;

use super::Inner;

/// What the reader tells the followers.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// An entry, the one after the last that was told.
    Entry(Arc<Entry>),
    /// What came since then must be read by each for itself.
    ReadOn,
}

impl Inner {
    /// Listens to the reader.
    pub(super) fn listen(self: &Arc<Self>) -> broadcast::Receiver<Told> {
        let told = self.told.subscribe();
        self.ensure_followed();
        told
    }

    /// Starts the reader where there is none; outside a runtime the next question of a follower tries again.
    pub(super) fn ensure_followed(self: &Arc<Self>) {
        if self.is_followed.swap(true, Ordering::AcqRel) {
            return;
        }
        // Dropped where it could not start, which lets the next one try.
        let following = Following(Arc::downgrade(self));
        self.store.tasks().spawn("events", read(following, Feed::open(&self.store, self.key.clone())));
    }
}

/// The one who reads; when it ends, another may.
struct Following(Weak<Inner>);

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.is_followed.store(false, Ordering::Release);
        }
    }
}

async fn read(following: Following, mut feed: Feed) {
    let mut is_attached = false;
    loop {
        let news = feed.next().await;
        let Some(inner) = following.0.upgrade() else { return };
        if inner.told.receiver_count() == 0 {
            drop(following);
            // One that came before the place was free has started no reader of its own.
            if inner.told.receiver_count() > 0 {
                inner.ensure_followed();
            }
            return;
        }
        let told: Vec<Told> = match news {
            // Who followed before this reader stood anywhere may have missed what came in between.
            Ok(_) if !mem::replace(&mut is_attached, true) => vec![Told::ReadOn],
            Ok(Delivery::Entries(entries)) => {
                entries.into_iter().map(|entry| Told::Entry(Arc::new(entry))).collect()
            }
            Ok(Delivery::Gap) => vec![Told::ReadOn],
            Ok(Delivery::Idle) => Vec::new(),
            Err(error) => {
                tracing::debug!(stream = inner.name, %error, "no events come at the moment");
                Vec::new()
            }
        };
        for told in told {
            // The last follower may have gone.
            let _heard = inner.told.send(told);
        }
    }
}
