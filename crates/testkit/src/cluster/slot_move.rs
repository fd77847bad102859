//! A slot on its way from one master to another.

use std::net::SocketAddr;

use super::{Cluster, view::View};
use crate::raw::{Raw, Reply};

const KEYS_AT_A_TIME: &str = "100";
const PATIENCE_IN_MILLISECONDS: &str = "5000";

/// A migration that has begun: until it is finished the slot has two nodes.
///
/// The old master answers for the keys that it still has and sends clients to the new one with `-ASK` for
/// all others; commands on keys of both get `-TRYAGAIN`. Dropping this leaves the slot in that state.
#[derive(Debug)]
pub struct SlotMove {
    slot: u16,
    to: SocketAddr,
    /// The old master.
    source: Raw,
    /// The new one, and what it is called.
    target: Raw,
    target_id: String,
    /// The masters that have no part in it but must hear of it.
    others: Vec<Raw>,
    password: Option<String>,
}

impl SlotMove {
    pub(super) fn begin(cluster: &Cluster, slot: u16, to: SocketAddr) -> Self {
        let from = cluster.master_of_slot(slot);
        assert_ne!(from, to, "slot {slot} is there already");
        let (mut source, mut target) = (cluster.raw(from), cluster.raw(to));
        let view = View::of(&mut target);
        assert!(view.myself().is_master, "{to} is a replica: a slot moves to a master");
        let (source_id, target_id) = (View::of(&mut source).myself().id.clone(), view.myself().id.clone());
        let slot_text = slot.to_string();
        target.command(&["CLUSTER", "SETSLOT", &slot_text, "IMPORTING", &source_id]);
        source.command(&["CLUSTER", "SETSLOT", &slot_text, "MIGRATING", &target_id]);
        let others = cluster.masters().into_iter().filter(|master| *master != from && *master != to);
        let others = others.map(|master| cluster.raw(master)).collect();
        Self { slot, to, source, target, target_id, others, password: cluster.password() }
    }

    /// Moves one key, and returns whether it was there.
    ///
    /// # Panics
    ///
    /// Panics when a server refuses it, for instance because the key is of another slot.
    pub fn move_key(&mut self, key: &str) -> bool {
        self.migrate(&[key.to_owned()])
    }

    /// Moves all keys that are still at the old master, and returns how many there were.
    ///
    /// # Panics
    ///
    /// Panics when a server refuses it or is gone.
    pub fn move_keys(&mut self) -> usize {
        let mut moved = 0;
        loop {
            let slot = self.slot.to_string();
            let keys = self.source.command(&["CLUSTER", "GETKEYSINSLOT", &slot, KEYS_AT_A_TIME]).array();
            if keys.is_empty() {
                return moved;
            }
            moved += keys.len();
            let keys: Vec<_> = keys.into_iter().map(Reply::text).collect();
            self.migrate(&keys);
        }
    }

    /// Moves what is left and gives the slot to its new master; every master knows it when this returns.
    ///
    /// # Panics
    ///
    /// Panics when a server refuses it or is gone.
    pub fn finish(mut self) {
        self.move_keys();
        let slot = self.slot.to_string();
        // The new master first: it makes the epoch under which the others accept the change. Made great by
        // force: after several moves two masters can have one epoch, and then they never agree.
        self.target.command(&["CLUSTER", "BUMPEPOCH"]);
        for raw in [&mut self.target, &mut self.source].into_iter().chain(&mut self.others) {
            raw.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &self.target_id]);
        }
    }

    /// The slot that moves.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// The address of its new master.
    #[must_use]
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    fn migrate(&mut self, keys: &[String]) -> bool {
        let port = self.to.port().to_string();
        let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", PATIENCE_IN_MILLISECONDS];
        if let Some(password) = &self.password {
            command.extend(["AUTH", password]);
        }
        command.push("KEYS");
        command.extend(keys.iter().map(String::as_str));
        match self.source.command(&command).text().as_str() {
            "OK" => true,
            "NOKEY" => false,
            other => panic!("MIGRATE: {other}"),
        }
    }
}
