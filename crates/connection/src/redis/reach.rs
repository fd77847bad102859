//! Finding a lane that is up.

use std::sync::Arc;

use super::{
    lane::{Lane, Live, State},
    node::Node,
};
use crate::{Error, ErrorKind, Result, clock::deadline_in};

/// How many commands a lane takes before the next one is used as well.
///
/// Commands in one write and answers in one read cost both sides least, so few lanes that are full beat
/// many that are not.
const FULL_ENOUGH: usize = 64;

impl Node {
    /// A lane for a command: the first that is not full enough yet, else any in turn.
    pub(crate) async fn lane_to_fill(self: &Arc<Self>) -> Result<(&Arc<Lane>, Arc<Live>)> {
        let first = self.lanes.iter().position(|lane| lane.in_flight() < FULL_ENOUGH && lane.is_live());
        self.live(first.unwrap_or_else(|| self.turn())).await
    }

    /// Any lane in turn, for reads, which gather on each.
    pub(crate) async fn lane_in_turn(self: &Arc<Self>) -> Result<(&Arc<Lane>, Arc<Live>)> {
        self.live(self.turn()).await
    }

    /// The lane whose turn it is, or another that is up; waits at most the connect time-out, and not at all
    /// while the server is known to be away.
    async fn live(self: &Arc<Self>, turn: usize) -> Result<(&Arc<Lane>, Arc<Live>)> {
        if let Some(live) = self.lanes[turn].live() {
            return Ok((&self.lanes[turn], live));
        }
        let give_up = deadline_in(self.common.connect_timeout);
        let mut changes = self.changed.subscribe();
        loop {
            if self.retired.is_cancelled() {
                return Err(self.gone());
            }
            let mut down = None;
            let mut hopeful = false;
            for lane in &self.lanes {
                lane.ensure_supervised(self);
                if let Some(live) = lane.live() {
                    return Ok((lane, live));
                }
                match lane.state() {
                    State::Hopeful => hopeful = true,
                    State::Down(error) => down = Some(error),
                }
            }
            match down {
                Some(cause) if !hopeful => return Err(unavailable(&cause)),
                cause => {
                    if tokio::time::timeout_at(give_up, changes.changed()).await.is_err() {
                        let waited = self.common.connect_timeout;
                        return Err(cause.map_or_else(
                            || Error::unavailable(format!("no connection within {waited:?}")),
                            |cause| unavailable(&cause),
                        ));
                    }
                }
            }
        }
    }
}

impl Node {
    fn gone(&self) -> Error {
        if self.common.tasks.is_stopped() {
            return Error::shutdown();
        }
        Error::unavailable(format!("{self} is not part of the cluster any more"))
    }
}

fn unavailable(cause: &Error) -> Error {
    match cause.kind() {
        // What an operator must put right keeps its kind.
        ErrorKind::Auth | ErrorKind::Config | ErrorKind::Permission | ErrorKind::Overloaded => {
            cause.duplicate()
        }
        _ => Error::unavailable(cause.to_string()),
    }
}
