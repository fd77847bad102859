//! What took long on the server.

use std::time::Duration;

use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp, Value};
use serde::Serialize;

use super::Question;
use crate::{Rfc3339, durations};

/// The most calls that are asked for at once.
const MAX_CALLS: u32 = 128;
/// Longer names of commands are cut.
const MAX_NAME_CHARS: usize = 32;

/// Asks for the last slow calls.
#[derive(Clone, Copy, Debug)]
pub struct FetchSlowLog {
    count: u32,
}

/// One slow call.
///
/// Its arguments are counted and not shown, since they hold keys and values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SlowCall {
    /// Its number on the server; rises with time.
    pub id: u64,
    /// When it was carried out.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Rfc3339,
    /// How long the server was busy with it.
    #[serde(rename = "durationMs", serialize_with = "durations::milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub duration: Duration,
    /// The command's name.
    pub command: String,
    /// How many arguments it had.
    pub arguments: usize,
    /// The name that the client gave itself; empty for none.
    pub client: String,
}

impl FetchSlowLog {
    /// Asks for the last `count` calls, at most 128.
    #[must_use]
    pub fn new(count: u32) -> Self {
        Self { count: count.clamp(1, MAX_CALLS) }
    }
}

impl Operation for FetchSlowLog {
    type Output = Vec<SlowCall>;
    const NAME: &'static str = "monitor.slowlog";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(calls: &Vec<SlowCall>) -> &'static str {
        if calls.is_empty() { "empty" } else { "read" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<SlowCall>> {
        self.read(redis.send(self.cmd()).await?)
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Vec<SlowCall>> {
        Ok(Vec::new())
    }
}

impl Question for FetchSlowLog {
    type Answer = Vec<SlowCall>;
    const NAME: &'static str = "monitor.slowlog";

    fn cmd(&self) -> Cmd {
        Cmd::new("SLOWLOG").arg("GET").arg(self.count)
    }

    fn read(&self, answer: Value) -> Result<Vec<SlowCall>> {
        answer.into_array()?.into_iter().map(SlowCall::read).collect()
    }
}

impl SlowCall {
    pub(super) fn read(entry: Value) -> Result<Self> {
        let mut fields = entry.into_array()?.into_iter();
        let mut next =
            || fields.next().ok_or_else(|| Error::protocol("an entry of the slow log is cut short"));
        let id = whole(next()?)?;
        let at = Timestamp::from_micros(whole(next()?)?.saturating_mul(1_000_000));
        let duration = Duration::from_micros(whole(next()?)?);
        let mut words = next()?.into_array()?.into_iter();
        let command = words.next().map_or_else(String::new, lossy);
        // Servers before 4.0 say nothing of the client.
        let client = fields.nth(1).map_or_else(String::new, lossy);
        Ok(Self {
            id,
            at: Rfc3339::from(at),
            duration,
            command: command.chars().take(MAX_NAME_CHARS).collect::<String>().to_ascii_uppercase(),
            arguments: words.len(),
            client,
        })
    }
}

fn whole(value: Value) -> Result<u64> {
    u64::try_from(value.into_int()?).map_err(|_| Error::protocol("a number in the slow log is negative"))
}

fn lossy(value: Value) -> String {
    value.into_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
