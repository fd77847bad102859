//! How a cluster sees itself.

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use super::Question;
use crate::info::Fields;

/// Asks a node how it sees its cluster.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskCluster;

/// How a node sees its cluster.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClusterState {
    /// Whether every slot is served.
    pub ok: bool,
    /// Slots that have an owner, of 16,384.
    pub slots_assigned: u64,
    /// Slots whose owner may have failed.
    pub slots_suspected: u64,
    /// Slots whose owner has failed.
    pub slots_failed: u64,
    /// Nodes that are known, replicas included.
    pub nodes: u64,
    /// Nodes that own slots.
    pub owners: u64,
}

impl Question for AskCluster {
    type Answer = ClusterState;
    const NAME: &'static str = "monitor.cluster";

    fn cmd(&self) -> Cmd {
        Cmd::new("CLUSTER").arg("INFO")
    }

    fn read(&self, answer: Value) -> Result<ClusterState> {
        let text = answer.into_text()?;
        let fields = Fields::parse(&text);
        Ok(ClusterState {
            ok: fields.is("cluster_state", "ok"),
            slots_assigned: fields.number("cluster_slots_assigned"),
            slots_suspected: fields.number("cluster_slots_pfail"),
            slots_failed: fields.number("cluster_slots_fail"),
            nodes: fields.number("cluster_known_nodes"),
            owners: fields.number("cluster_size"),
        })
    }
}
