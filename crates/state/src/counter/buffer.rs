//! What a process has counted and not yet sent.

use std::{collections::HashMap, hash::Hash};

use redstart_keys::Key;

use crate::operations::Batch;

/// How many fields a batch has at most, so that its script does not keep the server from others.
const FIELDS: usize = 1_000;

/// Counts by key and field, in numbered batches: what was sent and not answered is sent again as it was.
pub(super) struct Buffer<F> {
    slots: HashMap<Key, Slot<F>>,
    most: usize,
    batches: u64,
}

struct Slot<F> {
    sent: Option<(u64, Vec<(F, u64)>)>,
    open: HashMap<F, u64>,
}

impl<F: Clone + Eq + Hash + Ord> Buffer<F> {
    /// A buffer for at most `most` keys, and as many fields of one.
    pub(super) fn new(most: usize) -> Self {
        Self { slots: HashMap::new(), most, batches: 0 }
    }

    /// Adds to a field of a key; answers whether there was room.
    pub(super) fn add(&mut self, key: Key, field: F, count: u64) -> bool {
        if self.most <= self.slots.len() && !self.slots.contains_key(&key) {
            return false;
        }
        let slot = self.slots.entry(key).or_insert_with(|| Slot { sent: None, open: HashMap::new() });
        if self.most <= slot.open.len() && !slot.open.contains_key(&field) {
            return false;
        }
        let total = slot.open.entry(field).or_default();
        *total = total.saturating_add(count);
        true
    }

    /// What is to be sent now: for each key the batch without an answer, or a new one.
    pub(super) fn due(&mut self, writer: &str) -> Vec<(Key, Batch<F>)> {
        let mut due = Vec::with_capacity(self.slots.len());
        for (key, slot) in &mut self.slots {
            let sent = slot.sent.get_or_insert_with(|| {
                self.batches += 1;
                let fields: Vec<F> = slot.open.keys().take(FIELDS).cloned().collect();
                (
                    self.batches,
                    fields.into_iter().filter_map(|field| slot.open.remove_entry(&field)).collect(),
                )
            });
            due.push((key.clone(), Batch::new(writer, sent.0, sent.1.clone())));
        }
        due
    }

    /// Notes that the batch of a key has arrived.
    pub(super) fn arrived(&mut self, key: &Key) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        slot.sent = None;
        if slot.open.is_empty() {
            self.slots.remove(key);
        }
    }

    /// How many keys have something that has not arrived.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes everything, since nobody will send it any more; answers how much it was.
    pub(super) fn give_up(&mut self) -> u64 {
        let slots = std::mem::take(&mut self.slots);
        let of = |slot: Slot<F>| {
            let sent = slot.sent.into_iter().flat_map(|(_, amounts)| amounts).map(|(_, count)| count);
            sent.chain(slot.open.into_values()).fold(0, u64::saturating_add)
        };
        slots.into_values().map(of).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use redstart_keys::{Category, Entity, Ttl};

    use super::*;

    const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));

    fn amounts(buffer: &mut Buffer<u64>) -> Vec<(u64, Vec<(u64, u64)>)> {
        buffer.due("w").into_iter().map(|(_, batch)| (batch.number, batch.amounts)).collect()
    }

    #[test]
    fn batch_without_an_answer_is_sent_again_as_it_was() {
        let mut buffer = Buffer::new(10);
        buffer.add(VIEWS.key(&1), 5, 2);
        assert_eq!(amounts(&mut buffer), [(1, vec![(5, 2)])]);
        buffer.add(VIEWS.key(&1), 5, 3);
        buffer.add(VIEWS.key(&1), 6, 1);
        assert_eq!(amounts(&mut buffer), [(1, vec![(5, 2)])]);
        buffer.arrived(&VIEWS.key(&1));
        assert_eq!(amounts(&mut buffer), [(2, vec![(5, 3), (6, 1)])]);
        buffer.arrived(&VIEWS.key(&1));
        assert_eq!((amounts(&mut buffer), buffer.len()), (vec![], 0));
    }

    #[test]
    fn full_buffer_takes_more_of_what_it_has_and_nothing_new() {
        let mut buffer = Buffer::new(1);
        assert!(buffer.add(VIEWS.key(&1), 5, 2));
        assert!(!buffer.add(VIEWS.key(&2), 5, 1));
        assert!(!buffer.add(VIEWS.key(&1), 6, 1));
        assert!(buffer.add(VIEWS.key(&1), 5, 2));
        assert_eq!(buffer.give_up(), 4);
    }
}
