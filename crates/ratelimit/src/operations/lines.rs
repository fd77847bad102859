//! The script that can do everything to a limiter, and the shape of its answers.

use redstart_connection::{Error, Redis, Result, Script, Value};
use redstart_keys::Ttl;

use super::{Charge, keep, small, unsigned};
use crate::{Reading, account::Receipt, rule::Rule};

static LIMITERS: Script = Script::new("ratelimit.limiters", include_str!("limiters.lua"));

/// What is done to the limiters of one slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    /// Charges all of them, or none.
    Take,
    /// Charges of each as much as there is.
    Some,
    /// Takes charges back.
    Refund,
    /// Refuses everything for a time.
    Block,
}

/// One limiter, and what is done to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) charge: &'a Charge,
    /// How much of it; to block, the microseconds.
    pub(super) amount: u64,
    /// The charge that is taken back.
    pub(super) receipt: Option<Receipt>,
}

/// What one limiter answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) reading: Reading,
    pub(super) charged: u32,
}

impl<'a> Line<'a> {
    pub(super) fn charging(charge: &'a Charge) -> Self {
        Self { charge, amount: charge.cost.get().into(), receipt: None }
    }
}

/// Does it to the limiters of one slot, in one round trip.
pub(super) async fn invoke(
    redis: &Redis,
    verb: Verb,
    least_ttl: Ttl,
    lines: impl Iterator<Item = Line<'_>>,
) -> Result<Vec<Told>> {
    let mut script = redis.script(&LIMITERS).arg(keep(least_ttl)).arg(verb.name());
    for Line { charge, amount, receipt } in lines {
        let (kind, size, period, grain) = match charge.rule {
            Rule::Window(window) => ("w", window.limit, window.period, window.grain),
            Rule::Burst(burst) => ("g", burst.size, burst.interval, 0),
            Rule::Fixed(fixed) => ("f", fixed.limit, fixed.period, 0),
            Rule::Bucket(bucket) => ("b", bucket.size, bucket.period, bucket.refill.into()),
        };
        let (until, used) = receipt.map_or((0, 0), |receipt| (receipt.until, receipt.used));
        script = script.key(&charge.key).arg(kind).arg(size).arg(period).arg(grain);
        script = script.arg(amount).arg(until).arg(used);
    }
    read(script.invoke().await?.into_array()?)
}

/// Reads the time, and then four numbers for each limiter.
fn read(numbers: Vec<Value>) -> Result<Vec<Told>> {
    let numbers: Vec<i64> = numbers.into_iter().map(Value::into_int).collect::<Result<_>>()?;
    let (&now, lines) = numbers.split_first().ok_or_else(too_short)?;
    let (lines, rest) = lines.as_chunks();
    if !rest.is_empty() {
        return Err(too_short());
    }
    let now = unsigned(now)?;
    let mut told = Vec::with_capacity(lines.len());
    for &[remaining, reset, wait, charged] in lines {
        let (reset, wait, charged) = (unsigned(reset)?, unsigned(wait)?, small(charged)?);
        let reading = Reading::new(now, small(remaining)?, reset).or_wait(wait);
        told.push(Told { reading, charged });
    }
    Ok(told)
}

fn too_short() -> Error {
    Error::protocol("expected more limiters in an answer")
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Some => "some",
            Self::Refund => "refund",
            Self::Block => "block",
        }
    }
}
