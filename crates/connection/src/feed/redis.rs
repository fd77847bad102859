//! Streams on Redis.

use std::{fmt, time::Duration};

use redstart_keys::Key;
use tokio::time::sleep;

use super::{Append, Cursor, Delivery, Entry, LIFETIME, PATIENCE, entry, line::Line};
use crate::{
    Error, Result, Store, Value,
    redis::{Link, full_jitter},
};

/// How many entries one answer may hold.
const PAGE: usize = 256;
const BACKOFF_BASE: Duration = Duration::from_millis(50);
const BACKOFF_CAP: Duration = Duration::from_secs(1);

/// Reads a stream on a server.
pub(super) struct RedisReader {
    store: Store,
    key: Key,
    cursor: Option<Cursor>,
    line: Option<Line>,
    failures: u32,
}

impl RedisReader {
    pub(super) const fn new(store: Store, key: Key) -> Self {
        Self { store, key, cursor: None, line: None, failures: 0 }
    }

    pub(super) async fn next(&mut self) -> Result<Delivery> {
        if self.failures > 0 {
            sleep(full_jitter(BACKOFF_BASE.saturating_mul(1 << self.failures.min(8)).min(BACKOFF_CAP))).await;
        }
        let outcome = self.attempt().await;
        match outcome {
            Ok(_) => self.failures = 0,
            Err(_) => self.failures += 1,
        }
        outcome
    }

    async fn attempt(&mut self) -> Result<Delivery> {
        let link = self.store.link().ok_or_else(|| Error::unsupported("this feed reads Redis"))?.clone();
        if let Some(Line::Polling(poll)) = &mut self.line {
            poll.turn().await;
        }
        // Dropped midway or failed, the line does not come back: its state would be unknown.
        let mut line = match self.line.take() {
            Some(line) => line,
            None => Line::open(&link, &self.key).await?,
        };
        let delivery = match self.cursor {
            None => {
                self.cursor = Some(self.end(&link, &mut line).await?);
                Delivery::Idle
            }
            Some(cursor) => self.read(&link, &mut line, cursor).await?,
        };
        if let Line::Polling(poll) = &mut line {
            poll.set_idle(delivery == Delivery::Idle);
        }
        self.line = Some(line);
        Ok(delivery)
    }

    async fn read(&mut self, link: &Link, line: &mut Line, cursor: Cursor) -> Result<Delivery> {
        let name = link.name(&self.key);
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap_or(500);
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(PAGE);
        if line.is_told() {
            read.arg("BLOCK").arg(patience);
        }
        read.arg("STREAMS").arg(&name).arg(cursor.to_string());
        let entries = parse_streams(
            line.send(&read, PATIENCE + link.common.command_timeout.max(Duration::from_secs(1))).await?,
        )?;
        // Asked after the read: a stream is trimmed from its beginning, so if the cursor's entry is still
        // there nothing behind it was lost.
        if !self.exists(link, line, cursor).await? {
            self.cursor = Some(self.end(link, line).await?);
            return Ok(Delivery::Gap);
        }
        if let Some(last) = entries.last() {
            self.cursor = Some(last.cursor);
        }
        let news: Vec<Entry> = entries.into_iter().filter(|entry| !entry::is_mark(entry)).collect();
        Ok(if news.is_empty() { Delivery::Idle } else { Delivery::Entries(news) })
    }

    async fn exists(&self, link: &Link, line: &mut Line, cursor: Cursor) -> Result<bool> {
        let id = cursor.to_string();
        let mut range = redis::cmd("XRANGE");
        range.arg(link.name(&self.key)).arg(&id).arg(&id);
        Ok(!line.send(&range, link.common.command_timeout).await?.into_array()?.is_empty())
    }

    /// The stream's last entry; an empty stream gets a mark, so that there is an entry whose loss can be seen.
    async fn end(&self, link: &Link, line: &mut Line) -> Result<Cursor> {
        let mut last = redis::cmd("XREVRANGE");
        last.arg(link.name(&self.key)).arg("+").arg("-").arg("COUNT").arg(1);
        let entries = entry::parse_all(line.send(&last, link.common.command_timeout).await?)?;
        match entries.first() {
            Some(entry) => Ok(entry.cursor),
            None => self.store.run(&Append::new(self.key.clone(), LIFETIME).field(entry::MARK, "")).await,
        }
    }
}

/// The answer to XREAD: nothing, or one stream with its entries.
fn parse_streams(value: Value) -> Result<Vec<Entry>> {
    if value.is_nil() {
        return Ok(Vec::new());
    }
    let mut streams = value.into_array()?;
    match streams.pop() {
        // The protocols differ: a list of pairs, or a map whose pairs were flattened.
        Some(Value::Array(mut stream)) if stream.len() == 2 && !matches!(stream[0], Value::Array(_)) => {
            entry::parse_all(stream.pop().unwrap_or_default())
        }
        Some(entries) => entry::parse_all(entries),
        None => Ok(Vec::new()),
    }
}

impl fmt::Debug for RedisReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReader")
            .field("key", &self.key)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}
