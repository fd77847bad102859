//! What one node believes of the cluster.

use std::{collections::BTreeMap, net::SocketAddr, ops::RangeInclusive};

use super::SLOTS;
use crate::raw::Raw;

/// The answer to CLUSTER NODES.
#[derive(Clone, Debug)]
pub(super) struct View(Vec<Node>);

/// One line of it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: String,
    /// None while the node has not said where it is.
    pub(super) address: Option<SocketAddr>,
    pub(super) is_master: bool,
    /// The id of the master that this node follows.
    pub(super) follows: Option<String>,
    pub(super) epoch: u64,
    flags: Vec<String>,
    slots: Vec<RangeInclusive<u16>>,
}

impl View {
    /// Asks a node.
    pub(super) fn of(raw: &mut Raw) -> Self {
        let text = raw.command(&["CLUSTER", "NODES"]).text();
        Self(
            text.lines()
                .map(|line| Node::parse(line).unwrap_or_else(|| panic!("no node: {line:?}")))
                .collect(),
        )
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.iter()
    }

    /// The node that was asked.
    pub(super) fn myself(&self) -> &Node {
        self.0.iter().find(|node| node.has("myself")).expect("a node knows itself")
    }

    pub(super) fn find(&self, id: &str) -> Option<&Node> {
        self.0.iter().find(|node| node.id == id)
    }

    /// The slots of each master that has any.
    pub(super) fn shards(&self) -> BTreeMap<SocketAddr, Vec<(u16, u16)>> {
        let owners = self.0.iter().filter(|node| node.is_master && !node.slots.is_empty());
        let ranges = |node: &Node| node.slots.iter().map(|range| (*range.start(), *range.end())).collect();
        owners.filter_map(|node| Some((node.address?, ranges(node)))).collect()
    }

    pub(super) fn is_covered(&self) -> bool {
        let owned: usize = self.0.iter().flat_map(|node| &node.slots).map(ExactSizeIterator::len).sum();
        owned == usize::from(SLOTS)
    }
}

impl Node {
    /// Reads `id ip:port@bus[,name] flags master ping pong epoch link slot …`.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let id = words.next()?.to_owned();
        let address = words.next()?.split('@').next()?.parse().ok();
        let flags: Vec<_> = words.next()?.split(',').map(str::to_owned).collect();
        let follows = words.next().filter(|master| *master != "-").map(str::to_owned);
        let epoch = words.nth(2)?.parse().ok()?;
        // A slot on the move stands in brackets; its keys still belong to whom it is moved from.
        let slots =
            words.skip(1).filter(|slots| !slots.starts_with('[')).map(range).collect::<Option<_>>()?;
        let is_master = flags.iter().any(|flag| flag == "master");
        Some(Self { id, address, is_master, follows, epoch, flags, slots })
    }

    pub(super) fn owns(&self, slot: u16) -> bool {
        self.is_master && self.slots.iter().any(|range| range.contains(&slot))
    }

    /// Whether the node is a stranger yet, or somebody misses it.
    pub(super) fn is_in_doubt(&self) -> bool {
        ["handshake", "noaddr", "fail?", "fail"].into_iter().any(|flag| self.has(flag))
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }
}

fn range(slots: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

#[cfg(test)]
mod tests;
