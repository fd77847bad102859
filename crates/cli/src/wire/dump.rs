//! Values as the server itself writes them down.

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp, Value};

use super::needs_server;

/// Reads the values of some keys, and when they end.
#[derive(Clone, Debug)]
pub(crate) struct Dump {
    pub(crate) names: Vec<Bytes>,
}

/// A value, and when it ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Dumped {
    /// Milliseconds since 1970 by the clock of the server; never without it.
    pub(crate) expires_at: Option<u64>,
    pub(crate) payload: Bytes,
}

impl Operation for Dump {
    /// One for each name; none where there is no such key any more.
    type Output = Vec<Option<Dumped>>;
    const NAME: &'static str = "cli.dump";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "dumped"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let each =
            |name: &Bytes| ["PEXPIRETIME", "DUMP"].map(|cmd| Cmd::new(cmd).name_on_server(name.clone()));
        let answers = redis.pipeline(self.names.iter().flat_map(each).collect()).await?;
        let mut answers = answers.into_iter();
        let mut dumped = Vec::with_capacity(self.names.len());
        while let (Some(end), Some(payload)) = (answers.next(), answers.next()) {
            dumped.push(Dumped::of(end, payload)?);
        }
        Ok(dumped)
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        Err(needs_server())
    }
}

impl Dumped {
    fn of(end: Value, payload: Value) -> Result<Option<Self>> {
        let end = end.into_int()?;
        // It may have gone between the two commands.
        let Some(payload) = payload.into_optional_bytes()?.filter(|_| end != -2) else { return Ok(None) };
        Ok(Some(Self { expires_at: u64::try_from(end).ok(), payload }))
    }
}
