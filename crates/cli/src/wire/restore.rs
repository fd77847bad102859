//! Values put back as the server itself wrote them down.

use bytes::Bytes;
use redstart_connection::{
    Cmd, Effect, Error, ErrorKind, Memory, Operation, Outage, Redis, Result, Timestamp, Value,
};

use super::needs_server;

/// Puts some keys back.
#[derive(Clone, Debug)]
pub(crate) struct Restore {
    pub(crate) keys: Vec<Restoring>,
    /// Whether what is there already is replaced.
    pub(crate) replaces: bool,
}

/// One key to put back.
#[derive(Clone, Debug)]
pub(crate) struct Restoring {
    pub(crate) name: Bytes,
    /// Milliseconds since 1970 by the clock of the server; never without it.
    pub(crate) expires_at: Option<u64>,
    pub(crate) payload: Bytes,
}

/// What became of one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Restored {
    Written,
    /// There is such a key already, and it was left alone.
    Present,
}

impl Operation for Restore {
    type Output = Vec<Restored>;
    const NAME: &'static str = "cli.restore";

    /// The same value again is the same key.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "restored"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let restore = |key: &Restoring| {
            let Restoring { name, expires_at, payload } = key;
            let cmd = Cmd::new("RESTORE").name_on_server(name.clone());
            let cmd = cmd.arg(expires_at.unwrap_or(0)).arg(payload).arg("ABSTTL");
            if self.replaces { cmd.arg("REPLACE") } else { cmd }
        };
        let answers = redis.pipeline_each(self.keys.iter().map(restore).collect()).await?;
        answers.into_iter().map(Restored::of).collect()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        Err(needs_server())
    }
}

impl Restored {
    fn of(answer: Result<Value>) -> Result<Self> {
        match answer {
            Ok(_) => Ok(Self::Written),
            Err(error) if is_busy(&error) => Ok(Self::Present),
            Err(error) => Err(error),
        }
    }
}

fn is_busy(error: &Error) -> bool {
    error.kind() == ErrorKind::Server && error.code() == Some("BUSYKEY")
}
