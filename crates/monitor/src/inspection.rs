//! What else a server tells when asked.

use std::collections::BTreeMap;

use redstart_connection::Store;
use serde::Serialize;

use crate::{
    Ask, AskCluster, AskDefaultUser, AskLatency, AskMemory, AskSettings, ClusterState, DefaultUser,
    MemoryStats, ServerLatency, Told, WhoAmI,
};

/// What else a server tells when asked; each part is an answer, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inspection {
    /// The user by which the server knows this connection.
    pub user: Told<String>,
    /// What everybody may do who does not say who they are.
    pub default_user: Told<DefaultUser>,
    /// How the server is set.
    pub settings: Told<BTreeMap<String, String>>,
    /// What its memory is used for.
    pub memory: Told<MemoryStats>,
    /// How long it has taken over its commands since its start.
    pub latency: Told<ServerLatency>,
    /// How it sees its cluster.
    pub cluster: Told<ClusterState>,
}

impl Inspection {
    pub(crate) async fn of(store: &Store) -> Self {
        let (user, default_user, settings, memory, latency, cluster) = tokio::join!(
            store.run(&Ask(WhoAmI)),
            store.run(&Ask(AskDefaultUser)),
            store.run(&Ask(AskSettings)),
            store.run(&Ask(AskMemory)),
            store.run(&Ask(AskLatency)),
            store.run(&Ask(AskCluster)),
        );
        Self {
            user: Told::asked(user),
            default_user: Told::asked(default_user),
            settings: Told::asked(settings),
            memory: Told::asked(memory),
            latency: Told::asked(latency).map(|histograms| histograms.since(None)),
            cluster: Told::asked(cluster),
        }
    }
}
