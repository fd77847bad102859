use futures_util::future::join_all;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{
    Charge,
    lines::{self, Line, Told, Verb},
    slot::{load, store},
};
use crate::{
    Reading,
    account::{Account, Receipt},
    rule::micros,
};

/// A charge that was answered, to be taken back.
#[derive(Clone, Debug)]
pub struct Refund {
    charge: Charge,
    receipt: Receipt,
}

/// Takes back charges that were answered.
///
/// Never more than is still outstanding of each: what has come back by itself since is not given twice,
/// so a refund never lets more pass than the limit. Limiters of several slots take one round trip each,
/// all at once.
#[derive(Clone, Debug)]
pub struct Refunds {
    refunds: Vec<Refund>,
    least_ttl: Ttl,
}

impl Refund {
    /// Takes `charge` back, to which the limiter answered `answer`.
    #[must_use]
    pub fn new(charge: Charge, answer: &Reading) -> Self {
        let receipt = Receipt {
            cost: charge.cost.get(),
            until: answer.at.saturating_add(micros(answer.reset_after)),
            used: charge.rule.capacity().saturating_sub(answer.remaining),
        };
        Self { charge, receipt }
    }

    pub(crate) fn is_of(&self, charge: &Charge) -> bool {
        self.charge.is_same_limiter(charge)
    }
}

impl Refunds {
    /// Refunds to limiters whose keys live at least for `least_ttl`; they answer in this order.
    #[must_use]
    pub const fn new(refunds: Vec<Refund>, least_ttl: Ttl) -> Self {
        Self { refunds, least_ttl }
    }
}

impl Operation for Refunds {
    type Output = Vec<Reading>;
    const NAME: &'static str = "ratelimit.refund";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Vec<Reading>) -> &'static str {
        "refunded"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Reading>> {
        let keys: Vec<&Key> = self.refunds.iter().map(|refund| &refund.charge.key).collect();
        let groups = redis.groups(&keys);
        let parts = groups.iter().map(|group| {
            let lines = group.iter().map(|&index| {
                let Refund { charge, receipt } = &self.refunds[index];
                Line { charge, amount: receipt.cost.into(), receipt: Some(*receipt) }
            });
            lines::invoke(redis, Verb::Refund, self.least_ttl, lines)
        });
        let mut readings = vec![Reading::default(); self.refunds.len()];
        for (group, part) in groups.iter().zip(join_all(parts).await) {
            for (&index, Told { reading, .. }) in group.iter().zip(part?) {
                readings[index] = reading;
            }
        }
        Ok(readings)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Reading>> {
        let keys: Vec<&Key> = self.refunds.iter().map(|refund| &refund.charge.key).collect();
        memory.with(&keys, now, |tx| {
            let back = |Refund { charge: Charge { key, rule, .. }, receipt }: &Refund| {
                let mut account = Account::open(rule, load(tx, key).as_ref(), now.as_micros());
                account.refund(*receipt);
                let reading = account.reading();
                store(tx, key, account).map(|()| reading)
            };
            self.refunds.iter().map(back).collect()
        })
    }
}
