//! Policies that change while the service runs.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use redstart_connection::Store;

use crate::{InvalidPolicies, Policy, PolicyTable};

/// A table of policies that may be replaced at any time; clones see the same.
///
/// What was counted stays counted. A raised limit is seen by the next call, even of those who were just
/// refused.
///
/// ```
/// use redstart_ratelimit::{LivePolicies, Policy, PolicyTable};
///
/// const SEARCH: Policy = Policy::per_minute("search", 60);
///
/// let policies = LivePolicies::new(PolicyTable::new(&[SEARCH]));
/// policies.change_by_toml("[limits.search]\nlimit = 90")?;
/// assert_eq!(policies.or_default("search").limit(), 90);
///
/// // What is wrong changes nothing.
/// assert!(policies.change_by_toml("[limits.search]\nlimit = -1").is_err());
/// assert_eq!(policies.or_default("search").limit(), 90);
/// # Ok::<(), redstart_ratelimit::InvalidPolicies>(())
/// ```
#[derive(Clone, Debug)]
pub struct LivePolicies(Arc<Live>);

#[derive(Debug)]
struct Live {
    /// As the code and the environment state them, which each file changes anew.
    stated: PolicyTable,
    present: ArcSwap<PolicyTable>,
}

/// A file of policies that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// It can't be read.
    #[error("{}: cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why it can't.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}: is not right", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// All that is wrong.
        source: InvalidPolicies,
    },
}

impl LivePolicies {
    /// This table, until it is changed.
    #[must_use]
    pub fn new(table: PolicyTable) -> Self {
        let present = ArcSwap::from_pointee(table.clone());
        Self(Arc::new(Live { stated: table, present }))
    }

    /// The policy of this name as it is now, or else the default one.
    #[must_use]
    pub fn or_default(&self, name: &str) -> Policy {
        *self.0.present.load().or_default(name)
    }

    /// The whole table as it is now.
    #[must_use]
    pub fn table(&self) -> Arc<PolicyTable> {
        self.0.present.load_full()
    }

    /// Changes the table as it was made by a TOML text, see [`PolicyTable::changed_by_toml`].
    ///
    /// What an earlier text said and this one does not is as it was made.
    ///
    /// # Errors
    ///
    /// Fails as [`PolicyTable::changed_by_toml`]; the present table stays then.
    pub fn change_by_toml(&self, text: &str) -> Result<(), InvalidPolicies> {
        let changed = self.0.stated.clone().changed_by_toml(text)?;
        self.0.present.store(Arc::new(changed));
        Ok(())
    }

    /// Changes the table by a file.
    ///
    /// # Errors
    ///
    /// Fails when the file can't be read or used; the present table stays then.
    pub fn load(&self, file: &Path) -> Result<(), PolicyFileError> {
        let named = || file.to_owned();
        let text = fs::read_to_string(file)
            .map_err(|source| PolicyFileError::Unreadable { file: named(), source })?;
        self.change_by_toml(&text).map_err(|source| PolicyFileError::Invalid { file: named(), source })
    }

    /// Looks at a file every so often, in a task of `store`, and changes the table when the file has changed.
    ///
    /// A file that can't be used is told in the log once, and changes nothing.
    pub fn follow(&self, store: &Store, file: PathBuf, every: Duration) {
        let live = Arc::downgrade(&self.0);
        let follow = async move {
            let mut last = None;
            loop {
                let path = file.clone();
                let read = tokio::task::spawn_blocking(move || fs::read_to_string(path).ok()).await;
                let Some(live) = live.upgrade().map(LivePolicies) else { return };
                let text = read.unwrap_or_default();
                if text != last {
                    match text.as_deref().map(|text| live.change_by_toml(text)) {
                        Some(Ok(())) => tracing::info!(file = %file.display(), "rate limits are changed"),
                        Some(Err(error)) => {
                            tracing::warn!(file = %file.display(), %error, "rate limits stay")
                        }
                        None => tracing::warn!(file = %file.display(), "rate limits stay: it can't be read"),
                    }
                    last = text;
                }
                drop(live);
                tokio::time::sleep(every).await;
            }
        };
        store.tasks().spawn("rate limits from a file", follow);
    }
}

#[cfg(test)]
mod tests;
