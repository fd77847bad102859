//! What a group of the embedded store has given out.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::Given;
use crate::{
    Timestamp,
    feed::{Cursor, Entry, memory::find},
};

/// How far a group has come, and what its consumers have.
#[derive(Debug, Default)]
pub(in super::super) struct Group {
    given_to: Cursor,
    pending: BTreeMap<Cursor, Pending>,
}

/// An entry that is out.
#[derive(Debug)]
struct Pending {
    consumer: String,
    /// None since it was given back: nobody has it.
    since: Option<Timestamp>,
    times: u64,
}

impl Group {
    /// Gives a consumer what others have had for too long; forgets what is not in the stream any more.
    pub(super) fn take_over(
        &mut self,
        entries: &VecDeque<Entry>,
        consumer: &str,
        now: Timestamp,
        patience: Duration,
        most: usize,
    ) -> Vec<Given> {
        let mut given = Vec::new();
        self.pending.retain(|cursor, pending| {
            let is_due = pending.since.is_none_or(|since| patience <= now.since(since));
            if !is_due || given.len() == most {
                return true;
            }
            let Some(entry) = find(entries, *cursor) else { return false };
            *pending = Pending { consumer: consumer.to_owned(), since: Some(now), times: pending.times + 1 };
            given.push(Given { entry: entry.clone(), times: pending.times });
            true
        });
        given
    }

    /// Gives a consumer what nobody was given before.
    pub(super) fn take_new(
        &mut self,
        entries: &VecDeque<Entry>,
        consumer: &str,
        now: Timestamp,
        most: usize,
    ) -> Vec<Given> {
        let first = entries.partition_point(|entry| entry.cursor <= self.given_to);
        let new: Vec<Entry> = entries.iter().skip(first).take(most).cloned().collect();
        if let Some(last) = new.last() {
            self.given_to = last.cursor;
        }
        for entry in &new {
            let pending = Pending { consumer: consumer.to_owned(), since: Some(now), times: 1 };
            self.pending.insert(entry.cursor, pending);
        }
        new.into_iter().map(|entry| Given { entry, times: 1 }).collect()
    }

    /// Whether the entry was out.
    pub(super) fn acknowledge(&mut self, cursor: Cursor) -> bool {
        self.pending.remove(&cursor).is_some()
    }

    /// Lets anybody have what a consumer has; answers how many entries those are.
    pub(super) fn give_back(&mut self, consumer: &str) -> usize {
        let held = self
            .pending
            .values_mut()
            .filter(|pending| pending.since.is_some() && pending.consumer == consumer);
        held.map(|pending| pending.since = None).count()
    }
}
