//! Reading stored values together with the stamp that judges them all.

use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

use super::{
    Read,
    judge::{stamp, stamp_in},
};

/// Reads the bytes under some keys, and a stamp that none of them may be older than.
///
/// One call where [`Read`] and [`Judge`](super::Judge) would be two, which is half of what a small read costs.
#[derive(Clone, Debug)]
pub struct ReadJudged {
    /// The stamp's key is the last.
    keys: Vec<Key>,
}

impl ReadJudged {
    /// The values of `keys`, in their order, and the stamp under `judge`.
    #[must_use]
    pub fn new(mut keys: Vec<Key>, judge: Key) -> Self {
        keys.push(judge);
        Self { keys }
    }
}

impl Operation for ReadJudged {
    /// The values, and the stamp; none where there is none.
    type Output = (Vec<Option<Bytes>>, Option<u64>);
    const NAME: &'static str = Read::NAME;

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome((values, _): &Self::Output) -> &'static str {
        Read::outcome(values)
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        let (values, judge) = match self.keys.as_slice() {
            // A single read travels with those of other callers, whom mostly the same stamp judges.
            [key, judge] => {
                let (value, judge) = redis.get_with(key, judge).await?;
                (vec![value], judge)
            }
            keys => {
                let mut values = redis.get_many(keys).await?;
                let judge = values.pop().flatten();
                (values, judge)
            }
        };
        Ok((values, judge.as_ref().map(stamp).transpose()?))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        let Some((judge, keys)) = self.keys.split_last() else { return Ok((Vec::new(), None)) };
        let values = Read::new(keys.to_vec()).on_memory(memory, now)?;
        Ok((values, stamp_in(memory, judge, now)))
    }
}
