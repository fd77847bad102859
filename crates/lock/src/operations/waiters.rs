//! Who waits for a lock, as the store knows it.

use std::{sync::LazyLock, time::Duration};

use redstart_connection::{Redis, Result, Timestamp, Tx, Value};
use redstart_keys::{Category, Id, IdWriter, Key};

use super::Token;

/// One that has not asked for this long is taken for dead; it asks at least once a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long anybody is remembered after the last question.
const LIFE: Duration = Duration::from_secs(60);

/// What the embedded store keeps: who waits, the first to come first.
#[derive(Clone, Default)]
struct Line(Vec<Waiter>);

#[derive(Clone)]
struct Waiter {
    token: Token,
    arrived: Timestamp,
    asked: Timestamp,
}

/// The waiters of one lock within a step of the embedded store.
pub(super) struct Waiters<'t, 'k, 'm> {
    tx: &'t mut Tx<'m>,
    key: &'k Key,
}

impl<'t, 'k, 'm> Waiters<'t, 'k, 'm> {
    pub(super) const fn new(tx: &'t mut Tx<'m>, key: &'k Key) -> Self {
        Self { tx, key }
    }

    pub(super) fn count(&self) -> usize {
        self.line().0.len()
    }

    pub(super) fn line_up(&mut self, token: &Token) -> Result<()> {
        let now = self.tx.now();
        let mut line = self.line();
        match line.0.iter_mut().find(|waiter| waiter.token == *token) {
            Some(waiter) => waiter.asked = now,
            None => line.0.push(Waiter { token: token.clone(), arrived: now, asked: now }),
        }
        line.0.sort_by(|a, b| (a.arrived, a.token.as_str()).cmp(&(b.arrived, b.token.as_str())));
        self.tx.put(self.key, line, now.saturating_add(LIFE))
    }

    pub(super) fn leave(&mut self, token: &Token) -> Result<()> {
        let mut line = self.line();
        let before = line.0.len();
        line.0.retain(|waiter| waiter.token != *token);
        self.store(line, before)
    }

    /// The first who waits, and lives.
    pub(super) fn first(&mut self) -> Result<Option<Token>> {
        let now = self.tx.now();
        let lives = |waiter: &Waiter| now.since(waiter.asked).max(waiter.asked.since(now)) <= PATIENCE;
        let mut line = self.line();
        let before = line.0.len();
        let dead = line.0.iter().take_while(|waiter| !lives(waiter)).count();
        line.0.drain(..dead);
        let first = line.0.first().map(|waiter| waiter.token.clone());
        self.store(line, before)?;
        Ok(first)
    }

    fn line(&self) -> Line {
        self.tx.get::<Line>(self.key).map(|line| (*line).clone()).unwrap_or_default()
    }

    fn store(&mut self, line: Line, before: usize) -> Result<()> {
        if line.0.is_empty() {
            self.tx.remove(self.key);
        } else if let Some(expires_at) = self.tx.expires_at(self.key).filter(|_| line.0.len() < before) {
            self.tx.put(self.key, line, expires_at)?;
        }
        Ok(())
    }
}

/// An instance as the id of a key.
struct Instance<'a>(&'a str);

impl Id for Instance<'_> {
    fn write(&self, writer: &mut IdWriter<'_>) {
        writer.text(self.0);
    }
}

/// The channel on which a process is told that it may have a lock.
pub(crate) fn channel(instance: &str) -> Key {
    Key::namespace_id(Category::Lock, "wake", "to", &Instance(instance))
}

/// The beginning of all those names, as the scripts take it.
pub(super) fn channels(redis: &Redis) -> String {
    static CHANNELS: LazyLock<Key> = LazyLock::new(|| Key::namespace(Category::Lock, "wake", "to"));
    redis.name(&CHANNELS)
}

/// Reads a token that may be none.
pub(super) fn parse(value: Value) -> Result<Option<Token>> {
    let text = value.into_text()?;
    Ok((!text.is_empty()).then(|| Token::of_holder(&text)))
}
