//! Which node owns which slot.

use std::sync::Arc;

use redis::Value;

use super::super::node::Node;
use crate::config::Address;

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a name: of what stands between its first braces, if anything does.
pub(crate) fn slot_of(name: &[u8]) -> u16 {
    let tag = name.iter().position(|&byte| byte == b'{').and_then(|open| {
        let rest = &name[open + 1..];
        rest.iter().position(|&byte| byte == b'}').filter(|&length| length > 0).map(|length| &rest[..length])
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(name)) % SLOTS
}

/// A run of slots with its owner and the owner's replicas, as `CLUSTER SLOTS` tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) owner: Address,
    pub(super) replicas: Vec<Address>,
}

/// Reads the answer to `CLUSTER SLOTS`; a node that does not know its own name is at `asked`.
pub(super) fn parse(answer: &Value, asked: &Address) -> Option<Vec<Range>> {
    let Value::Array(ranges) = answer else { return None };
    ranges.iter().map(|range| parse_range(range, asked)).collect()
}

fn parse_range(range: &Value, asked: &Address) -> Option<Range> {
    let Value::Array(parts) = range else { return None };
    let slot = |value: &Value| match value {
        Value::Int(slot) => u16::try_from(*slot).ok().filter(|slot| *slot < SLOTS),
        _ => None,
    };
    let [first, last, owner, replicas @ ..] = parts.as_slice() else { return None };
    Some(Range {
        first: slot(first)?,
        last: slot(last)?,
        owner: parse_node(owner, asked)?,
        replicas: replicas.iter().filter_map(|replica| parse_node(replica, asked)).collect(),
    })
}

fn parse_node(node: &Value, asked: &Address) -> Option<Address> {
    let Value::Array(parts) = node else { return None };
    let [host, Value::Int(port), ..] = parts.as_slice() else { return None };
    let host = match host {
        Value::BulkString(bytes) if !bytes.is_empty() => String::from_utf8(bytes.clone()).ok()?,
        Value::SimpleString(text) if !text.is_empty() => text.clone(),
        Value::BulkString(_) | Value::SimpleString(_) | Value::Nil => asked.host().to_owned(),
        _ => return None,
    };
    Some(Address::tcp(host, u16::try_from(*port).ok()?))
}

const NOBODY: u16 = u16::MAX;

/// The owners of all slots at one moment.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    /// For each slot the index of its shard, or [`NOBODY`].
    owners: Vec<u16>,
    pub(crate) shards: Vec<Arc<Shard>>,
}

/// One owner with its replicas.
pub(crate) struct Shard {
    pub(crate) owner: Arc<Node>,
    pub(crate) replicas: Vec<Arc<Node>>,
}

impl Slots {
    pub(super) fn new(ranges: &[Range], mut node: impl FnMut(&Address, bool) -> Arc<Node>) -> Self {
        let mut slots = Self { owners: vec![NOBODY; usize::from(SLOTS)], shards: Vec::new() };
        for Range { first, last, owner, replicas } in ranges {
            let index = slots.index_of(|shard| shard.owner.address() == Some(owner)).unwrap_or_else(|| {
                let replicas = replicas.iter().map(|replica| node(replica, true)).collect();
                slots.add(Shard { owner: node(owner, false), replicas })
            });
            slots.owners[usize::from(*first)..=usize::from((*last).max(*first))].fill(index);
        }
        slots
    }

    /// Who owns `slot`, as far as is known.
    pub(crate) fn shard(&self, slot: u16) -> Option<&Arc<Shard>> {
        self.shards.get(usize::from(*self.owners.get(usize::from(slot))?))
    }

    /// The same with `slot` at `owner`, as a redirection has told.
    pub(super) fn moved(&self, slot: u16, owner: &Arc<Node>) -> Self {
        let mut slots = self.clone();
        let index = slots
            .index_of(|shard| Arc::ptr_eq(&shard.owner, owner))
            .unwrap_or_else(|| slots.add(Shard { owner: Arc::clone(owner), replicas: Vec::new() }));
        if let Some(entry) = slots.owners.get_mut(usize::from(slot)) {
            *entry = index;
        }
        slots
    }

    fn index_of(&self, is_it: impl Fn(&Shard) -> bool) -> Option<u16> {
        self.shards.iter().position(|shard| is_it(shard)).and_then(|index| u16::try_from(index).ok())
    }

    fn add(&mut self, shard: Shard) -> u16 {
        self.shards.push(Arc::new(shard));
        u16::try_from(self.shards.len() - 1).unwrap_or(NOBODY)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }
}

#[cfg(test)]
mod tests;
