//! What is examined, and how one actor puts it to the test.

use std::{future::Future, time::Duration};

use redstart_connection::Clock;
use tokio::{sync::Mutex, time::sleep};

use super::{
    node::of_one_tag,
    plan::{Load, Step, TAGGED, Way},
    record::{Record, What},
    register::{KEYS, Register},
};

/// A cache under examination.
pub(super) trait Subject: Send + Sync {
    /// The cached version, or the one that `load` brings.
    fn read(
        &self,
        key: u64,
        load: impl Future<Output = u64> + Send,
    ) -> impl Future<Output = (u64, What)> + Send;

    /// The cached version.
    fn look(&self, key: u64) -> impl Future<Output = Option<(u64, What)>> + Send;

    /// All keys, with the versions that are cached or loaded.
    fn batch(&self, stage: &Stage, load: Load) -> impl Future<Output = Vec<(u64, u64, What)>> + Send;

    /// Changes what is cached; none when it can't be told whether it did.
    fn change(&self, key: u64, way: Way, version: u64) -> impl Future<Output = Option<What>> + Send;
}

/// Where actors work: the register, and whose turn it is to write a key that is set.
///
/// Of two who set one key the later must not be the one who wrote earlier: that would be no fault of the cache.
pub(super) struct Stage {
    pub(super) register: Register,
    turns: Vec<Mutex<()>>,
}

impl Stage {
    pub(super) fn new(register: Register) -> Self {
        Self { register, turns: (0..KEYS).map(|_| Mutex::default()).collect() }
    }

    /// What a loader brings.
    pub(super) async fn load(&self, key: u64, Load { before, after }: Load) -> u64 {
        pause(before).await;
        let version = self.register.read(key).await;
        pause(after).await;
        version
    }
}

/// Does one step on `node`, and hands what it sees to `note`.
pub(super) async fn act(
    (node, subject): (usize, &impl Subject),
    stage: &Stage,
    step: Step,
    note: &(impl Fn(Record) + Sync),
) {
    let began = now();
    let seen = |key, version, what| note(Record { what, node, key, version, began, ended: now() });
    match step {
        Step::Rest(time) => pause(time).await,
        Step::Read(key, load) => {
            let (version, what) = subject.read(key, stage.load(key, load)).await;
            seen(key, version, what);
        }
        Step::Look(key) => {
            if let Some((version, what)) = subject.look(key).await {
                seen(key, version, what);
            }
        }
        Step::Batch(load) => {
            let found = subject.batch(stage, load).await;
            found.into_iter().for_each(|(key, version, what)| seen(key, version, what));
        }
        Step::Change(key, way, writes) => {
            let _turn = if TAGGED <= key {
                Some(stage.turns[usize::try_from(key).unwrap()].lock().await)
            } else {
                None
            };
            // What is set must be what is written, so nothing is set without a write.
            let written = if writes || way == Way::Set { stage.register.write(key).await } else { 0 };
            let mut versions = Vec::new();
            for key in changed(key, way) {
                versions.push((key, stage.register.read(key).await));
            }
            let began = now();
            if let Some(what) = subject.change(key, way, written).await {
                let ended = now();
                for (key, version) in versions {
                    note(Record { what, node, key, version, began, ended });
                }
            }
        }
    }
}

/// The keys that a change concerns.
fn changed(key: u64, way: Way) -> Vec<u64> {
    match way {
        Way::Key | Way::Set => vec![key],
        Way::Tag => of_one_tag(key),
        Way::Clear | Way::Sweep => (0..KEYS).collect(),
    }
}

/// Sleeps, or lets others go first when there is no time to sleep.
pub(super) async fn pause(time: Duration) {
    if time < Duration::from_micros(500) { tokio::task::yield_now().await } else { sleep(time).await }
}

pub(super) fn now() -> u64 {
    Clock::system().now().as_micros()
}
