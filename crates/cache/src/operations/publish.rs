//! Telling the other processes.

use redstart_connection::{Append, Effect, Memory, Operation, Outage, Redis, Replay, Result, Timestamp};
use redstart_keys::Ttl;

use crate::event::{Change, Event, stream};

/// How long the stream outlives its last event; who finds it gone forgets what it holds.
pub(super) const LIFETIME: Ttl = Ttl::days(1);

/// Adds an event to the stream that every process reads.
#[derive(Clone, Debug)]
pub struct Publish {
    event: Event,
}

impl Publish {
    pub(crate) const fn new(event: Event) -> Self {
        Self { event }
    }

    /// Tells every process to drop what it holds itself; what the server has stays.
    #[must_use]
    pub const fn forget_all() -> Self {
        Self { event: Event { entity: None, change: Change::Forget, stamp: None } }
    }
}

impl Operation for Publish {
    type Output = ();
    const NAME: &'static str = "cache.publish";

    /// To be told twice is to forget twice.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    /// What was not heard in time is told without its moment: the stamps of an outage are this machine's.
    fn replay(&self) -> Option<Replay> {
        let again = |event: Event| {
            move |store: redstart_connection::Store| -> redstart_connection::BoxFuture<'static, Result<()>> {
                let publish = Self::new(Event { stamp: None, ..event.clone() });
                Box::pin(async move { store.run(&publish).await })
            }
        };
        let whole = Self::forget_all().event;
        Some(Replay::new("publish", format!("{:?}", self.event), again(self.event.clone()), again(whole)))
    }

    fn outcome((): &()) -> &'static str {
        "published"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        let append = self.event.fields().into_iter();
        let append =
            append.fold(Append::new(stream(), LIFETIME), |append, (name, value)| append.field(name, value));
        append.on_redis(redis).await.map(drop)
    }

    /// The embedded store has no other processes.
    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<()> {
        Ok(())
    }
}
