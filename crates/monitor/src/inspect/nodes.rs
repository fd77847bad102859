//! What every server says of itself.

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use serde::Serialize;

use super::embedded;
use crate::{ServerInfo, Told};

/// Asks every server that owns keys for its `INFO`: the one there is, or each owner of slots in a cluster.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct FetchNodes;

/// What one server says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its address.
    pub address: String,
    /// What it says.
    pub info: Told<ServerInfo>,
}

impl Operation for FetchNodes {
    type Output = Vec<NodeInfo>;
    const NAME: &'static str = "monitor.nodes";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Vec<NodeInfo>) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<NodeInfo>> {
        // The default sections: `everything` walks every command's statistics on each call.
        let told = redis.send_to_each(Cmd::new("INFO")).await?;
        let read = |(address, answer): (String, Result<redstart_connection::Value>)| {
            let info =
                answer.and_then(redstart_connection::Value::into_text).map(|text| ServerInfo::parse(&text));
            NodeInfo { address, info: Told::of(info) }
        };
        Ok(told.into_iter().map(read).collect())
    }

    fn on_memory(&self, memory: &Memory, _: Timestamp) -> Result<Vec<NodeInfo>> {
        Ok(vec![NodeInfo { address: "memory".to_owned(), info: Told::Known(embedded(memory)) }])
    }
}
