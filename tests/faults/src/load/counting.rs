//! A counter: the work that shows when it is done twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::{
    Certainty, Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Store, Timestamp,
};
use tokio::runtime::Handle;

use super::{HITS, Load, TASKS};

/// One increment, which must not happen twice.
pub(crate) struct Hit(pub(crate) u64);

impl Operation for Hit {
    type Output = i64;
    const NAME: &'static str = "faults.hit";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &i64) -> &'static str {
        "hit"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<i64> {
        redis.send(Cmd::new("INCR").key(&HITS.key(&self.0))).await?.into_int()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<i64> {
        Err(Error::unsupported("this one is for a server"))
    }
}

/// What is known of many increments.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    acknowledged: AtomicU64,
    unknown: AtomicU64,
    /// Failures of any certainty.
    failed: AtomicU64,
    /// Acknowledged ones that are known to be lost.
    written_off: AtomicU64,
    /// Ones too many that are known.
    booked: AtomicU64,
}

impl Tally {
    pub(crate) fn note(&self, outcome: &Result<i64>) {
        self.failed.fetch_add(u64::from(outcome.is_err()), Ordering::SeqCst);
        match outcome {
            Ok(_) => self.acknowledged.fetch_add(1, Ordering::SeqCst),
            Err(error) if error.certainty() >= Certainty::Failed => {
                self.unknown.fetch_add(1, Ordering::SeqCst)
            }
            Err(_) => 0,
        };
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) fn unknown(&self) -> u64 {
        self.unknown.load(Ordering::SeqCst)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::SeqCst)
    }

    /// How many there are beyond those that can have happened.
    pub(crate) fn doubled(&self, count: u64) -> u64 {
        (count + self.written_off()).saturating_sub(self.acknowledged() + self.unknown() + self.booked())
    }

    /// How many of the acknowledged ones are missing.
    pub(crate) fn lost(&self, count: u64) -> u64 {
        (self.acknowledged() + self.booked()).saturating_sub(count + self.written_off())
    }

    /// Has neither told again.
    pub(super) fn turn_page(&self, doubled: u64, lost: u64) {
        self.booked.fetch_add(doubled, Ordering::SeqCst);
        self.written_off.fetch_add(lost, Ordering::SeqCst);
    }

    fn written_off(&self) -> u64 {
        self.written_off.load(Ordering::SeqCst)
    }

    fn booked(&self) -> u64 {
        self.booked.load(Ordering::SeqCst)
    }
}

pub(super) fn start(load: &Load, runtime: &Handle) {
    for _ in 0..TASKS {
        let (worker, store, tally) = (load.worker(), load.store.clone(), Arc::clone(&load.tally));
        let hit = Hit(load.counter);
        runtime.spawn(async move {
            while let Some(turn) = worker.turn().await {
                let outcome = store.run(&hit).await;
                turn.note_outcome(&outcome);
                tally.note(&outcome);
                drop(turn);
                worker.pace().await;
            }
        });
    }
}

/// What a counter stands at; asked until the store answers, for a while.
pub(crate) async fn count(store: &Store, id: u64) -> crate::Result<u64> {
    let mut last = None;
    for _ in 0..200 {
        match store.command(Cmd::new("GET").key(&HITS.key(&id))).await {
            Ok(value) => return Ok(u64::try_from(value.into_optional_int()?.unwrap_or(0))?),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(last.map_or_else(|| "nobody was asked".into(), Into::into))
}
