//! Hearing of changes.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use redstart_connection::{Delivery, Feed, Store};

use super::{Flags, Inner};

/// How often everything is read again, for changes of which nobody was told.
const READ_AGAIN: Duration = Duration::from_secs(30);

impl Flags {
    /// Starts the task that hears of changes; outside a runtime the next question tries again.
    pub(super) fn follow(&self) {
        let following = Following(Arc::downgrade(&self.0));
        let store = self.0.store.clone();
        // Dropped where it could not start, which lets the next one try.
        store.tasks().spawn("flags", follow(following, store.clone(), Feed::open(&store, self.0.news())));
    }
}

/// The one who follows; when it ends, another may.
struct Following(Weak<Inner>);

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.is_following.store(false, Ordering::Release);
        }
    }
}

async fn follow(following: Following, store: Store, mut feed: Feed) {
    let mut read_at: Option<Instant> = None;
    loop {
        let news = feed.next().await;
        let Some(inner) = following.0.upgrade() else { return };
        let now = store.clock().instant();
        let is_due = read_at.is_none_or(|read_at| READ_AGAIN <= now.saturating_duration_since(read_at));
        let done = match news {
            Ok(Delivery::Entries(entries)) if !is_due => {
                let mut done = Ok(());
                for (_, name) in entries.iter().flat_map(|entry| &entry.fields) {
                    let Ok(name) = std::str::from_utf8(name) else { continue };
                    // What another release declares is not ours to know.
                    if inner.declared.contains_key(name) {
                        done = inner.read(name).await.and(done);
                    }
                }
                done
            }
            Ok(Delivery::Idle) if !is_due => Ok(()),
            Ok(_) => inner.refresh().await.inspect(|()| read_at = Some(now)),
            Err(error) => Err(error),
        };
        match (done, feed.heard()) {
            (Ok(()), Some(heard)) if read_at.is_some() => inner.heard(heard),
            (Ok(()), _) => {}
            (Err(error), _) => {
                // What was missed is read when the store answers again.
                read_at = None;
                tracing::debug!(%error, "flags are as they were last known");
            }
        }
    }
}

impl Inner {
    /// Notes that all rules are known as of when this was asked.
    fn heard(&self, asked: Instant) {
        let mut known = self.known.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.as_of = known.as_of.max(Some(asked));
    }
}
