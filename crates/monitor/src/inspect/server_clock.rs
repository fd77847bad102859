//! What time it is on the server.

use redstart_connection::{Cmd, Error, Result, Timestamp, Value};

use super::Question;

/// Asks what time it is on the server.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ServerClock;

impl Question for ServerClock {
    type Answer = Timestamp;
    const NAME: &'static str = "monitor.time";

    fn cmd(&self) -> Cmd {
        Cmd::new("TIME")
    }

    fn read(&self, answer: Value) -> Result<Timestamp> {
        let mut parts = answer.into_array()?.into_iter();
        let mut next = || {
            let part =
                parts.next().ok_or_else(|| Error::protocol("a moment has seconds and microseconds"))?;
            u64::try_from(part.into_int()?).map_err(|_| Error::protocol("a moment is after 1970"))
        };
        let (seconds, micros) = (next()?, next()?);
        Ok(Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros)))
    }
}
