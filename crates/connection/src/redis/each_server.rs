//! Asking every server that owns names.

use futures_util::future::join_all;

use super::{Redis, convert::convert};
use crate::{Cmd, Result, Value};

impl Redis {
    /// Sends one command to each server that owns names: the one there is, or in a cluster every owner of
    /// slots.
    ///
    /// Answers with each server's address and what it said, in the order of their slots.
    ///
    /// # Errors
    ///
    /// Fails when it is not known which servers there are; what one of them says, stands beside it.
    pub async fn send_to_each(&self, cmd: Cmd) -> Result<Vec<(String, Result<Value>)>> {
        let prepared = self.prepare(&cmd)?;
        let servers = self.servers().await?;
        let asked = servers.into_iter().map(|server| {
            let cmd = prepared.cmd.clone();
            async move {
                let answer = self.send_to(Some(&server), cmd).await.and_then(convert);
                (server, answer)
            }
        });
        Ok(join_all(asked).await)
    }
}
