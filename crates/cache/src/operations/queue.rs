//! What waits for its moment, as the embedded store keeps it.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use redstart_connection::{Result, Timestamp, Tx};
use redstart_keys::Key;

/// What waits, by its moment and by what it is: the sorted set of the server.
#[derive(Default)]
pub(super) struct Queue {
    by_time: BTreeSet<(u64, Bytes)>,
    entries: HashMap<Bytes, Waiting>,
}

/// When it is due, and the key that is meant, where it is one.
struct Waiting {
    at: u64,
    key: Option<Key>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn contains(&self, member: &Bytes) -> bool {
        self.entries.contains_key(member)
    }

    /// The moment that comes first.
    pub(super) fn first(&self) -> Option<u64> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// When a member is due.
    pub(super) fn at(&self, member: &Bytes) -> Option<u64> {
        self.entries.get(member).map(|waiting| waiting.at)
    }

    pub(super) fn put(&mut self, member: Bytes, at: u64, key: Option<Key>) {
        self.remove(&member);
        self.by_time.insert((at, member.clone()));
        self.entries.insert(member, Waiting { at, key });
    }

    pub(super) fn remove(&mut self, member: &Bytes) -> bool {
        let Some(waiting) = self.entries.remove(member) else { return false };
        self.by_time.remove(&(waiting.at, member.clone()))
    }

    /// Moves up to so many of those that are due to the end of a lease, and answers with them.
    pub(super) fn take(&mut self, now: u64, ends: u64, most: usize) -> Vec<(Bytes, Option<Key>)> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now).take(most);
        let due: Vec<Bytes> = due.map(|(_, member)| member.clone()).collect();
        let lease = |member: Bytes| {
            let key = self.entries.get(&member).and_then(|waiting| waiting.key.clone());
            self.put(member.clone(), ends, key.clone());
            (member, key)
        };
        due.into_iter().map(lease).collect()
    }
}

/// Changes a queue, and keeps it until `until` or as long as it was kept before; an empty one goes.
pub(super) fn change<T>(
    tx: &mut Tx<'_>,
    key: &Key,
    until: Timestamp,
    body: impl FnOnce(&mut Queue) -> T,
) -> Result<T> {
    let (mut queue, kept) = match tx.get_mut::<Queue>(key) {
        Some((queue, kept)) => (std::mem::take(queue), kept.unwrap_or_default()),
        None => (Queue::default(), Timestamp::default()),
    };
    let answer = body(&mut queue);
    if queue.len() == 0 {
        tx.remove(key);
    } else {
        tx.put_owned(key, queue, until.max(kept))?;
    }
    Ok(answer)
}
