//! Flags: what is on, for whom, without a deployment.

mod follow;
mod rule;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_connection::{Append, Error, Store};
use redstart_keys::{Entity, Key, TextId, Ttl};
use tokio::sync::Notify;

pub use self::rule::FlagRule;
use crate::operations::{ReadFlag, RemoveFlag, SetFlag};

/// How long the stream of changes is kept after the last one.
const NEWS: Ttl = Ttl::days(1);

/// Switches that are known without asking: a copy of their rules in this process, kept fresh in the
/// background.
///
/// The names that a service asks for are declared, each with what holds before anybody set it. A change is
/// heard by all processes within a moment, and within half a minute where it was not heard; while Redis is
/// away the last known rules hold, and those declared where none was ever known.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, TextId};
/// use redstart_state::{FlagRule, Flags};
///
/// const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
/// let flags = Flags::new(&Store::memory(), &FEATURE).with("checkout", FlagRule::OFF);
/// assert!(!flags.is_on("checkout", Some("user 7"), &[]));
/// flags.set("checkout", &FlagRule::percent(100.0)).await?;
/// assert!(flags.is_on("checkout", Some("user 7"), &[]));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Flags(Arc<Inner>);

pub(crate) struct Inner {
    store: Store,
    entity: Entity<TextId>,
    declared: HashMap<&'static str, FlagRule>,
    known: RwLock<Known>,
    is_following: AtomicBool,
    changed: Notify,
}

/// What is known of the rules.
#[derive(Default)]
pub(crate) struct Known {
    rules: HashMap<&'static str, FlagRule>,
    /// When all of it was known to be so.
    as_of: Option<Instant>,
}

impl Flags {
    /// Flags kept in `store` under the keys of `entity`, which is declared persistent.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<TextId>) -> Self {
        Self(Arc::new(Inner {
            store: store.clone(),
            entity: *entity,
            declared: HashMap::new(),
            known: RwLock::default(),
            is_following: AtomicBool::new(false),
            changed: Notify::new(),
        }))
    }

    /// Declares a flag, with what holds as long as nobody has set it. To be called before the first question.
    #[must_use]
    pub fn with(mut self, name: &'static str, before: FlagRule) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.declared.insert(name, before);
        }
        self
    }

    /// Whether a flag is on for a subject, such as a user, of these segments. It never waits.
    ///
    /// A flag that is not declared is off.
    #[must_use]
    pub fn is_on(&self, name: &str, subject: Option<&str>, segments: &[&str]) -> bool {
        self.ensure_following();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let rule = known.rules.get(name).or_else(|| self.0.declared.get(name));
        rule.is_some_and(|rule| rule.is_on(name, subject, segments))
    }

    /// The rule of a flag as this process knows it; none if it is not declared.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<FlagRule> {
        self.ensure_following();
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.rules.get(name).or_else(|| self.0.declared.get(name)).cloned()
    }

    /// Sets the rule of a flag, for all processes.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, and for a flag that is not declared. The rule may be set even
    /// so, and others hear of it within half a minute.
    pub async fn set(&self, name: &str, rule: &FlagRule) -> Result<(), Error> {
        let (name, key) = self.0.declared(name)?;
        // A rule is two numbers and some texts, which always become JSON.
        let text = serde_json::to_vec(rule).unwrap_or_default();
        self.0.store.run(&SetFlag::new(key, text.into())).await?;
        self.0.learn(name, Some(rule.clone()));
        self.tell(name).await
    }

    /// Removes what was set of a flag, so that what was declared holds again; answers whether it was set.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub async fn remove(&self, name: &str) -> Result<bool, Error> {
        let (name, key) = self.0.declared(name)?;
        let was_set = self.0.store.run(&RemoveFlag::new(key)).await?;
        self.0.learn(name, None);
        self.tell(name).await?;
        Ok(was_set)
    }

    /// Reads all rules now.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; the last known rules hold then.
    pub async fn refresh(&self) -> Result<(), Error> {
        self.ensure_following();
        self.0.refresh().await
    }

    /// How long ago all rules were last known for certain; none if they never were.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.as_of.map(|as_of| self.0.store.clock().instant().saturating_duration_since(as_of))
    }

    /// Waits until some rule has changed in this process.
    ///
    /// # Cancel safety
    ///
    /// Dropping this midway has no effect.
    pub async fn changed(&self) {
        self.ensure_following();
        self.0.changed.notified().await;
    }

    async fn tell(&self, name: &str) -> Result<(), Error> {
        let news = Append::new(self.0.news(), NEWS).with_cap(1_000).field("flag", name);
        self.0.store.run(&news).await.map(drop)
    }

    /// Follows the changes of others, on this runtime if on no other.
    fn ensure_following(&self) {
        if !self.0.is_following.swap(true, Ordering::AcqRel) {
            self.follow();
        }
    }
}

impl Inner {
    fn declared(&self, name: &str) -> Result<(&'static str, Key), Error> {
        let known = self.declared.get_key_value(name);
        let (name, _) = known.ok_or_else(|| Error::unsupported("this flag is not declared"))?;
        let id = TextId::new(name).map_err(|_| Error::unsupported("the name of this flag is no id"))?;
        Ok((name, self.entity.key(&id)))
    }

    fn news(&self) -> Key {
        Key::namespace(self.entity.category(), self.entity.name(), "news")
    }

    async fn refresh(&self) -> Result<(), Error> {
        let asked = self.store.clock().instant();
        for name in self.declared.keys() {
            self.read(name).await?;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.as_of = known.as_of.max(Some(asked));
        Ok(())
    }

    /// Reads one rule; what can't be read changes nothing.
    async fn read(&self, name: &str) -> Result<(), Error> {
        let (name, key) = self.declared(name)?;
        let text = self.store.run(&ReadFlag::new(key)).await?;
        match text.map(|text| serde_json::from_slice(&text)) {
            None => self.learn(name, None),
            Some(Ok(rule)) => self.learn(name, Some(rule)),
            Some(Err(error)) => {
                tracing::error!(flag = name, %error, "the rule of a flag can't be read, and stays")
            }
        }
        Ok(())
    }

    fn learn(&self, name: &'static str, rule: Option<FlagRule>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = match rule {
            Some(rule) => known.rules.insert(name, rule.clone()).as_ref() == Some(&rule),
            None => known.rules.remove(name).is_none(),
        };
        drop(known);
        if !before {
            self.changed.notify_waiters();
        }
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:?}, {} declared)", self.0.entity, self.0.declared.len())
    }
}
