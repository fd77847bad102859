//! Whether the members of a cluster agree.

use std::net::SocketAddr;

use super::{Cluster, view::View};
use crate::raw::Raw;

impl Cluster {
    /// What the nodes that are up do not agree on yet.
    pub(super) fn settled(&self) -> Result<(), String> {
        let views: Vec<_> = self.up().map(|node| (node.address(), View::of(&mut node.raw()))).collect();
        let Some((_, first)) = views.first() else { return Err("no node is up".to_owned()) };
        let shards = first.shards();
        for (address, view) in &views {
            if !view.is_covered() {
                return Err(format!("{address} knows slots without a master"));
            }
            if view.shards() != shards {
                return Err(format!("{address} sees other masters than its peers: {:?}", view.shards()));
            }
            let missed = view.nodes().find(|node| node.is_in_doubt() && self.is_up(node.address));
            if let Some(node) = missed {
                return Err(format!("{address} misses {:?}", node.address));
            }
        }
        if let Some(owner) = shards.keys().find(|owner| !self.is_up(Some(**owner))) {
            return Err(format!("{owner} is away and still owns slots"));
        }
        for (address, view) in &views {
            let mut raw = self.raw(*address);
            let state = field(&mut raw, &["CLUSTER", "INFO"], "cluster_state");
            if state.as_deref() != Some("ok") {
                return Err(format!("{address} is in state {state:?}"));
            }
            if !view.myself().is_master {
                follows(&mut raw, view, *address)?;
            }
        }
        Ok(())
    }

    fn is_up(&self, address: Option<SocketAddr>) -> bool {
        self.up().any(|node| Some(node.address()) == address)
    }
}

/// Whether a replica is in step with a master that has slots.
fn follows(raw: &mut Raw, view: &View, address: SocketAddr) -> Result<(), String> {
    let master = view.myself().follows.as_deref().and_then(|id| view.find(id));
    if !master.and_then(|master| master.address).is_some_and(|master| view.shards().contains_key(&master)) {
        return Err(format!("{address} follows nobody who has slots"));
    }
    let link = field(raw, &["INFO", "replication"], "master_link_status");
    if link.as_deref() != Some("up") {
        return Err(format!("the link of the replica {address} is {link:?}"));
    }
    Ok(())
}

fn field(raw: &mut Raw, command: &[&str], name: &str) -> Option<String> {
    let text = raw.command(command).text();
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| *field == name).map(|(_, value)| value.trim().to_owned())
}
