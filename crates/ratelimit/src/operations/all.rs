use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Timestamp, Tx};
use redstart_keys::{Key, Ttl};

use super::{
    Charge, Refund,
    lines::{self, Line, Told, Verb},
    slot::{load, store},
};
use crate::{
    Reading,
    account::{Account, State},
};

/// Charges several limiters, or refuses and charges none.
///
/// One round trip, in one script. In a cluster whose slots the keys do not share, each slot is asked in
/// a script of its own, all at once; when one refuses or does not answer, what the others have charged
/// is [to be taken back](Self::take_charged). What a slot that did not answer has charged, nobody
/// knows: it stays charged, so that never too much is admitted.
#[derive(Debug)]
pub struct TakeAll {
    charges: Vec<Charge>,
    least_ttl: Ttl,
    /// What slots have charged although the call as a whole was not allowed.
    charged: Mutex<Vec<Refund>>,
}

impl TakeAll {
    /// Charges to limiters whose keys live at least for `least_ttl`; they answer in this order.
    #[must_use]
    pub const fn new(charges: Vec<Charge>, least_ttl: Ttl) -> Self {
        Self { charges, least_ttl, charged: Mutex::new(Vec::new()) }
    }

    /// What was charged and has to be taken back, after a refusal or an error.
    ///
    /// Empty after a call that was allowed, and after one that a single script decided.
    #[must_use]
    pub fn take_charged(&self) -> Vec<Refund> {
        mem::take(&mut self.charged.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where among the charges the limiter of this refund stands.
    pub(crate) fn place_of(&self, refund: &Refund) -> Option<usize> {
        self.charges.iter().position(|charge| refund.is_of(charge))
    }

    async fn in_one_slot(&self, redis: &Redis, group: &[usize]) -> Result<Vec<Told>> {
        let lines = group.iter().map(|&index| Line::charging(&self.charges[index]));
        lines::invoke(redis, Verb::Take, self.least_ttl, lines).await
    }

    async fn in_slots(&self, redis: &Redis, groups: &[Vec<usize>]) -> Result<Vec<Reading>> {
        let ask = async |group| (group, self.in_one_slot(redis, group).await);
        let mut parts: FuturesUnordered<_> = groups.iter().map(|group| ask(group.as_slice())).collect();
        let (mut readings, mut refused, mut failed) =
            (vec![Reading::default(); self.charges.len()], false, Ok(()));
        while let Some((group, told)) = parts.next().await {
            let told = match told {
                Ok(told) => told,
                Err(error) => {
                    failed = Err(error);
                    continue;
                }
            };
            for (&index, Told { reading, charged }) in group.iter().zip(told) {
                readings[index] = reading;
                refused |= reading.retry_after.is_some();
                if 0 < charged {
                    // Noted at once: the deadline may end this before the last slot has answered.
                    let refund = Refund::new(self.charges[index].clone(), &reading);
                    self.charged.lock().unwrap_or_else(PoisonError::into_inner).push(refund);
                }
            }
        }
        failed?;
        if !refused {
            drop(self.take_charged());
        }
        Ok(readings)
    }

    fn restore(&self, tx: &mut Tx<'_>, before: &[Option<State>], now: Timestamp) {
        for (Charge { key, rule, .. }, state) in self.charges.iter().zip(before) {
            let restored = state.as_ref().is_some_and(|state| {
                store(tx, key, Account::open(rule, Some(state), now.as_micros())).is_ok()
            });
            if !restored {
                tx.remove(key);
            }
        }
    }
}

impl Operation for TakeAll {
    type Output = Vec<Reading>;
    const NAME: &'static str = "ratelimit.take_all";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Vec<Reading>) -> &'static str {
        let allowed = output.iter().all(|reading| reading.retry_after.is_none());
        if allowed { "allowed" } else { "refused" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Reading>> {
        let keys: Vec<&Key> = self.charges.iter().map(|charge| &charge.key).collect();
        let groups = redis.groups(&keys);
        let [all] = groups.as_slice() else { return self.in_slots(redis, &groups).await };
        let told = self.in_one_slot(redis, all).await?;
        let mut readings = vec![Reading::default(); self.charges.len()];
        for (&index, Told { reading, .. }) in all.iter().zip(told) {
            readings[index] = reading;
        }
        Ok(readings)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Reading>> {
        let keys: Vec<&Key> = self.charges.iter().map(|charge| &charge.key).collect();
        memory.with(&keys, now, |tx| {
            let before: Vec<_> = keys.iter().map(|key| load(tx, key)).collect();
            // A key that comes twice is charged twice, so the second trial sees what the first would leave.
            let mut pending: HashMap<&Key, State> = HashMap::new();
            let (mut readings, mut repaired) = (Vec::with_capacity(self.charges.len()), Vec::new());
            for (Charge { key, rule, cost }, kept) in self.charges.iter().zip(&before) {
                let state = pending.get(key).or(kept.as_ref());
                let mut account = Account::open(rule, state, now.as_micros());
                let reading = account.reading_for(cost.get());
                if account.is_repaired() && !pending.contains_key(key) {
                    repaired.push((key, Account::open(rule, state, now.as_micros())));
                }
                let mut after = reading;
                if reading.retry_after.is_none() {
                    account.charge(cost.get());
                    after = account.reading();
                    pending.insert(key, account.close().0);
                }
                readings.push((reading, after));
            }
            if readings.iter().any(|(before, _)| before.retry_after.is_some()) {
                let kept: Result<()> =
                    repaired.into_iter().try_for_each(|(key, account)| store(tx, key, account));
                return kept.map(|()| readings.into_iter().map(|(before, _)| before).collect());
            }
            let written = self.charges.iter().try_for_each(|Charge { key, rule, .. }| {
                store(tx, key, Account::open(rule, pending.get(key), now.as_micros()))
            });
            if written.is_err() {
                // There was room for some of the keys only: none keeps its charge.
                self.restore(tx, &before, now);
            }
            written.map(|()| readings.into_iter().map(|(_, after)| after).collect())
        })
    }
}
