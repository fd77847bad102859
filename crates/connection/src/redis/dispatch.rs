//! Handing commands to the lane of the server where they belong.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{join_all, try_join};

use super::{
    Redis, Route,
    breaker::Permit,
    cluster::Cluster,
    groups,
    node::Node,
    wanted::{Found, Wanted, read},
};
use crate::{Effect, Error, Result, error::Redirect};

/// How often a command follows the word of a cluster on where it belongs.
const MAX_REDIRECTS: usize = 5;

/// A command in the server's form, with the slot of its first key where there are slots.
pub(super) struct Prepared {
    pub(super) cmd: redis::Cmd,
    pub(super) slot: Option<u16>,
}

/// Where a redirected command goes next.
struct Detour {
    node: Arc<Node>,
    /// It must be announced, since the slot is still on its way there.
    asking: bool,
}

impl Redis {
    /// Sends a prepared command to its server, wherever that turns out to be.
    pub(super) async fn dispatch(&self, prepared: &Prepared) -> Result<redis::Value> {
        let Prepared { cmd, slot } = prepared;
        let mut redirects = 0;
        let mut answer = match &self.link.route {
            Route::One(node) => return self.send_over(node, cmd, false).await,
            Route::Rest(rest) => return rest.send(cmd, self.deadline, &self.account).await,
            Route::Cluster(cluster) => {
                let node = cluster.node(*slot, false).await?;
                self.send_over(&node, cmd, false).await
            }
        };
        while redirects < MAX_REDIRECTS
            && let Some(Detour { node, asking }) = self.detour(answer.as_ref().err())
        {
            redirects += 1;
            answer = self.send_over(&node, cmd, asking).await;
        }
        answer.map_err(Error::not_settled)
    }

    pub(super) async fn send_over(
        &self,
        node: &Arc<Node>,
        cmd: &redis::Cmd,
        asking: bool,
    ) -> Result<redis::Value> {
        let admitted = self.admit(node)?;
        let (lane, live) = node.lane_to_fill().await.map_err(|error| error.while_away(&node.away))?;
        let _permit = lane.permit().await?;
        let sent = self.account.open_over(live.carrier);
        if !asking {
            return admitted.settle(sent.settle(live.send(cmd, self.deadline).await));
        }
        let mut announced = redis::Pipeline::with_capacity(2);
        announced.cmd("ASKING").add_command(cmd.clone());
        let answers = live.send_all(&announced, 2, self.deadline).await;
        let last = answers.and_then(|mut answers| answers.pop().unwrap_or_else(|| Err(nothing_came())));
        admitted.settle(sent.settle(last))
    }

    /// Sends several commands, each to its server, those of one server in one write.
    pub(super) async fn dispatch_all(&self, prepared: Vec<Prepared>) -> Result<Vec<Result<redis::Value>>> {
        if prepared.is_empty() {
            return Ok(Vec::new());
        }
        let cluster = match &self.link.route {
            Route::One(node) => {
                return self.send_all_over(node, prepared.into_iter().map(|prepared| prepared.cmd)).await;
            }
            Route::Rest(rest) => {
                let all: Vec<&redis::Cmd> = prepared.iter().map(|prepared| &prepared.cmd).collect();
                return rest.send_all(&all, self.deadline, &self.account).await;
            }
            Route::Cluster(cluster) => cluster,
        };
        let mut nodes = Vec::with_capacity(prepared.len());
        for Prepared { slot, .. } in &prepared {
            nodes.push(cluster.node(*slot, false).await?);
        }
        // Pointers serve to tell the servers apart; they are alive throughout.
        let groups = groups::by(nodes.iter().map(Arc::as_ptr));
        let parts = groups.iter().map(|group| {
            // A redirect may ask for them once more.
            let cmds = group.iter().map(|&index| prepared[index].cmd.clone());
            self.send_all_over(&nodes[group[0]], cmds)
        });
        let mut answers: Vec<Option<Result<redis::Value>>> = prepared.iter().map(|_| None).collect();
        for (group, part) in groups.iter().zip(join_all(parts).await) {
            match part {
                Ok(part) => group.iter().zip(part).for_each(|(&index, answer)| answers[index] = Some(answer)),
                Err(error) => {
                    group.iter().for_each(|&index| answers[index] = Some(Err(error.duplicate())));
                }
            }
        }
        let mut followed = Vec::with_capacity(answers.len());
        for (prepared, answer) in prepared.iter().zip(answers) {
            let answer = answer.unwrap_or_else(|| Err(nothing_came()));
            let redirected = answer.as_ref().err().is_some_and(|error| error.redirect().is_some());
            // A slot that is on its way is rare, so those few go one by one.
            followed.push(if redirected { self.dispatch(prepared).await } else { answer });
        }
        Ok(followed)
    }

    async fn send_all_over(
        &self,
        node: &Arc<Node>,
        cmds: impl ExactSizeIterator<Item = redis::Cmd>,
    ) -> Result<Vec<Result<redis::Value>>> {
        let count = cmds.len();
        let mut pipeline = redis::Pipeline::with_capacity(count);
        for cmd in cmds {
            pipeline.add_command(cmd);
        }
        let admitted = self.admit(node)?;
        let (lane, live) = node.lane_to_fill().await.map_err(|error| error.while_away(&node.away))?;
        let _permit = lane.permit().await?;
        let sent = self.account.open_over(live.carrier);
        admitted.settle(sent.settle_all(live.send_all(&pipeline, count, self.deadline).await))
    }

    /// One read, together with those of other callers where they share a server.
    pub(super) async fn gathered(&self, wanted: Wanted<'_>) -> Result<Found> {
        let node = match &self.link.route {
            Route::One(node) => node,
            Route::Rest(rest) => return rest.read(wanted, self.deadline, &self.account).await,
            Route::Cluster(cluster) => {
                let shared = async {
                    match wanted.shared {
                        Some(name) => self.read_in_cluster(cluster, name).await,
                        None => Ok(None),
                    }
                };
                return try_join(self.read_in_cluster(cluster, wanted.name), shared).await;
            }
        };
        let admitted = self.admit(node)?;
        let (lane, live) = node.lane_in_turn().await.map_err(|error| error.while_away(&node.away))?;
        let _permit = lane.permit().await?;
        let sent = self.account.open();
        let answer = if lane.in_flight() <= 1 {
            live.send(&wanted.command(), self.deadline).await.and_then(|value| wanted.read(value))
        } else {
            let carrier = || (Arc::clone(lane), live);
            lane.gather.ask(carrier, &node.common.tasks, wanted, self.deadline).await
        };
        admitted.settle(sent.settle(answer))
    }

    /// A batch would have to stay in one slot, so each read goes alone.
    async fn read_in_cluster(&self, cluster: &Arc<Cluster>, name: &[u8]) -> Result<Option<Bytes>> {
        let slot = self.link.slot(name);
        let node = cluster.node(slot, self.effect == Effect::Read).await?;
        let mut cmd = redis::cmd("GET");
        cmd.arg(name);
        let answer = match self.send_over(&node, &cmd, false).await {
            Err(error) if error.redirect().is_some() => self.dispatch(&Prepared { cmd, slot }).await,
            answer => answer,
        };
        answer.and_then(read)
    }

    /// Lets the command through to its server, unless that is to be left alone.
    fn admit<'a>(&self, node: &'a Arc<Node>) -> Result<Permit<'a>> {
        if self.stands_by && node.away.is_active() {
            // It may be well again, but it has not heard yet of what was invalidated meanwhile.
            return Err(Error::unavailable(format!("memory stands in for {node}")).while_away(&node.away));
        }
        node.breaker.admit(self.deadline).map_err(|error| error.while_away(&node.away))
    }

    /// Where a redirected command goes next; none when it was not redirected.
    fn detour(&self, error: Option<&Error>) -> Option<Detour> {
        let error = error?;
        let (Redirect { slot, to }, Route::Cluster(cluster)) = (error.redirect()?, &self.link.route) else {
            return None;
        };
        let asking = error.code() == Some("ASK");
        let node = if asking { cluster.node_at(to, false) } else { cluster.moved(*slot, to) };
        Some(Detour { node, asking })
    }
}

fn nothing_came() -> Error {
    Error::protocol("the server left a command of a pipeline unanswered")
}
