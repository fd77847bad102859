//! The atomic steps of the limiter, for services that drive the door themselves.
//!
//! Each has a script for Redis and a body for the embedded store, with the same arithmetic.

mod all;
mod block;
mod hold;
mod lines;
mod peek;
mod refund;
mod reset;
mod slot;
mod some;
mod take;

pub use all::TakeAll;
pub use block::Block;
pub use hold::{Hold, Holding};
pub use peek::Peek;
pub use refund::{Refund, Refunds};
pub use reset::Reset;
pub use some::TakeSome;
pub use take::Take;

use std::{num::NonZeroU32, time::Duration};

use redstart_connection::{Error, Result};
use redstart_keys::{Key, Ttl};

use crate::{Policy, Reading, Subject, rule::Rule};

/// How much longer than its meaning a key lives at the least.
///
/// The scripts renew a TTL only when the kept moment enters another minute, which this minute covers.
const SPARE: Duration = Duration::from_secs(60);

/// A cost charged to one limiter.
#[derive(Clone, Debug)]
pub struct Charge {
    pub(crate) key: Key,
    pub(crate) rule: Rule,
    pub(crate) cost: NonZeroU32,
}

impl Charge {
    /// Charges `cost` to what `policy` counts for `subject`; none if the policy never admits as much.
    #[must_use]
    #[inline]
    pub fn new(policy: &Policy, subject: &Subject, cost: NonZeroU32) -> Option<Self> {
        let rule = Rule::of(policy);
        (cost.get() <= rule.capacity()).then(|| Self { key: policy.entity().key(subject), rule, cost })
    }

    /// Whether both count by the same rule under the same key.
    #[must_use]
    pub fn is_same_limiter(&self, other: &Self) -> bool {
        self.rule == other.rule && self.key == other.key
    }

    /// Raises the cost; none if the limiter never admits as much.
    pub(crate) fn raise(&mut self, by: NonZeroU32) -> Option<()> {
        self.cost = self.cost.checked_add(by.get()).filter(|cost| cost.get() <= self.rule.capacity())?;
        Some(())
    }
}

/// The milliseconds for which a key outlives its meaning.
fn keep(least_ttl: Ttl) -> u64 {
    let spare = u64::try_from(SPARE.as_millis()).unwrap_or(u64::MAX);
    least_ttl.as_millis().saturating_add(spare)
}

fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| Error::protocol("expected microseconds, got less than none"))
}

fn small(number: i64) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::protocol("expected what a limiter has left"))
}

fn outcome(reading: &Reading) -> &'static str {
    if reading.retry_after.is_none() { "allowed" } else { "refused" }
}
