//! What an operation may do on Redis.

mod account;
mod classify;
mod convert;
mod exclusive;
mod gather;
mod invocation;
mod lane;
mod link;
mod reach;
mod shared_only;
mod supervisor;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use redstart_keys::Key;
use tokio::time::Instant;

pub use self::invocation::Invocation;
use self::{
    account::Account,
    convert::convert,
    gather::{Gather, read},
};
pub(crate) use self::{
    exclusive::Session,
    lane::{IN_FLIGHT, State},
    link::Link,
    supervisor::full_jitter,
};
use crate::{Certainty, Cmd, Error, Result, Script, Value, cmd::Part};

/// One attempt of an operation on Redis.
pub struct Redis {
    link: Arc<Link>,
    deadline: Instant,
    account: Account,
}

impl Redis {
    pub(crate) fn new(link: Arc<Link>, deadline: Instant) -> Self {
        Self { link, deadline, account: Account::default() }
    }

    /// Sends one command.
    ///
    /// # Errors
    ///
    /// Fails when no connection is up, when it breaks, and with the server's own errors. Commands that
    /// block, or that change the connection for everybody who shares it, are refused before they are sent.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the command may have been carried out.
    pub async fn send(&self, cmd: Cmd) -> Result<Value> {
        let prepared = self.prepare(&cmd)?;
        self.dispatch(&prepared).await.and_then(convert)
    }

    /// Sends several commands in one write; they are not one step for others.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`]; the first command that fails decides, the others have been sent all the same,
    /// so that the failure counts as [`Certainty::Unknown`] unless all were refused.
    pub async fn pipeline(&self, cmds: Vec<Cmd>) -> Result<Vec<Value>> {
        let mut pipeline = redis::Pipeline::with_capacity(cmds.len());
        for cmd in &cmds {
            pipeline.add_command(self.prepare(cmd)?);
        }
        let (lane, live) = self.link.lane_to_fill().await?;
        let _permit = lane.permit().await?;
        let sent = self.account.open();
        let answers = live.send_all(&pipeline, cmds.len(), self.deadline).await;
        let answers = sent.settle_all(answers)?;
        answers.into_iter().map(|answer| answer.and_then(convert)).collect()
    }

    /// The string under `key`; concurrent reads travel together.
    ///
    /// A key of another type may read as absent, since that is what MGET makes of it.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`].
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        let name = self.link.name(key);
        let (lane, live) = self.link.lane_in_turn().await?;
        let _permit = lane.permit().await?;
        let sent = self.account.open();
        let answer = if lane.in_flight() <= 1 {
            live.send(redis::cmd("GET").arg(&name), self.deadline).await.and_then(read)
        } else {
            Gather::ask(lane, &live, &self.link.tasks, &name, self.deadline).await
        };
        sent.settle(answer)
    }

    /// The strings under `keys`, in their order, in one command.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`].
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut mget = redis::Cmd::with_capacity(keys.len() + 1, keys.len() * 48);
        mget.arg("MGET");
        for key in keys {
            mget.arg(self.link.name(key));
        }
        match self.dispatch(&mget).await? {
            redis::Value::Array(values) if values.len() == keys.len() => {
                values.into_iter().map(read).collect()
            }
            _ => Err(Error::protocol("an MGET was answered with something else")),
        }
    }

    /// Prepares a call of `script`.
    #[must_use]
    pub fn script<'a>(&'a self, script: &'static Script) -> Invocation<'a> {
        Invocation::new(self, script)
    }

    /// The name of `key` on the server, for answers that hold names.
    #[must_use]
    pub fn name(&self, key: &Key) -> String {
        String::from_utf8_lossy(&self.link.name(key)).into_owned()
    }

    /// What is known of everything that this attempt sent.
    pub(crate) fn certainty(&self) -> Certainty {
        self.account.certainty()
    }

    /// Sends a prepared command over a lane.
    pub(crate) async fn dispatch(&self, cmd: &redis::Cmd) -> Result<redis::Value> {
        let (lane, live) = self.link.lane_to_fill().await?;
        let _permit = lane.permit().await?;
        let sent = self.account.open();
        sent.settle(live.send(cmd, self.deadline).await)
    }

    fn prepare(&self, cmd: &Cmd) -> Result<redis::Cmd> {
        shared_only::check(cmd)?;
        let mut prepared = redis::Cmd::with_capacity(cmd.parts.len() + 1, 64);
        prepared.arg(cmd.name());
        let mut args = cmd.args.iter();
        for part in &cmd.parts {
            match part {
                Part::Arg => prepared.arg(args.next().unwrap_or_default()),
                Part::Key(key) => prepared.arg(self.link.name(key)),
                Part::Pattern(pattern) => {
                    let mut name = Vec::new();
                    pattern.render(&self.link.prefix, &mut name);
                    prepared.arg(name)
                }
            };
        }
        Ok(prepared)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("certainty", &self.certainty()).finish_non_exhaustive()
    }
}
