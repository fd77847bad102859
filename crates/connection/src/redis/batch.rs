//! Commands that are written for the server as they are put together.

use std::fmt;

use redstart_keys::Key;

use super::{Redis, convert::convert, dispatch::Prepared, shared_only};
use crate::{Result, Value, WriteArg};

/// Commands for one write, from [`Redis::batch`](crate::Redis::batch).
///
/// Each part is written once, for the server it goes to; a [`Cmd`](crate::Cmd), which knows no server, is written
/// anew when it is sent. That is worth the while for what is sent all the time.
pub struct Batch<'a> {
    redis: &'a Redis,
    commands: Vec<Prepared>,
    part: Vec<u8>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(redis: &'a Redis) -> Self {
        Self { redis, commands: Vec::with_capacity(2), part: Vec::with_capacity(64) }
    }

    /// Begins a command, by its name.
    #[must_use]
    pub fn begin(mut self, name: &'static str) -> Self {
        // Room for what most commands get.
        let mut cmd = redis::Cmd::with_capacity(6, 128);
        cmd.arg(name);
        self.commands.push(Prepared { cmd, slot: None });
        self
    }

    /// Adds a key to the command that was begun last; without one this does nothing.
    #[must_use]
    pub fn key(mut self, key: &Key) -> Self {
        self.part.clear();
        let link = &self.redis.link;
        link.write_name(key, &mut self.part);
        if let Some(Prepared { cmd, slot }) = self.commands.last_mut() {
            cmd.arg(self.part.as_slice());
            *slot = slot.or_else(|| link.slot(&self.part));
        }
        self
    }

    /// Adds an argument to the command that was begun last; without one this does nothing.
    #[must_use]
    pub fn arg(mut self, arg: impl WriteArg) -> Self {
        self.part.clear();
        arg.write(&mut self.part);
        if let Some(Prepared { cmd, .. }) = self.commands.last_mut() {
            cmd.arg(self.part.as_slice());
        }
        self
    }

    /// Sends the commands, and answers with what became of each.
    ///
    /// # Errors
    ///
    /// As [`Redis::pipeline_each`](crate::Redis::pipeline_each).
    pub async fn send_each(self) -> Result<Vec<Result<Value>>> {
        self.commands.iter().try_for_each(|prepared| shared_only::check(&prepared.cmd))?;
        let answers = self.redis.dispatch_all(self.commands).await?;
        Ok(answers.into_iter().map(|answer| answer.and_then(convert)).collect())
    }
}

impl fmt::Debug for Batch<'_> {
    /// Shows how many commands there are, since any argument may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} commands)", self.commands.len())
    }
}
