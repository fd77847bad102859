//! The two bodies of each operation are one contract.
//!
//! Random histories run on the embedded store and on a real server, over TCP and over HTTP, under one
//! clock that the history moves; every answer must be the same, and afterwards no key may be without a TTL.
//!
//! Those of the command line (`ListNames`, `Dump`, `Identify`, `Restore`) are for servers alone, and the embedded
//! store refuses them by design: crates/cli tests that.

mod cache;
mod feed;
mod lock;
mod lock_kinds;
mod monitor;
mod ratelimit;
mod scheduled;
mod state_codes;
mod state_counters;
mod state_once;
mod state_sessions;
mod streams;
mod usage;

use std::{cell::RefCell, fmt::Debug, sync::OnceLock, time::Duration};

use proptest::prelude::*;
use redstart_connection::{Clock, Config, Operation, Store, Timestamp};
use redstart_testkit::{Raw, RestBridge, fresh_prefix, shared};
use tokio::runtime::Runtime;

/// Histories of one case on both stores.
pub(crate) struct World {
    pub(crate) redis: Store,
    pub(crate) memory: Store,
    clock: Clock,
    prefix: String,
    raw: RefCell<Raw>,
    runtime: Runtime,
}

/// How the server is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Tcp,
    Rest,
}

pub(crate) fn way() -> impl Strategy<Value = Way> {
    prop_oneof![2 => Just(Way::Tcp), 1 => Just(Way::Rest)]
}

const TOKEN: &str = "token";

/// The shared server, behind HTTP.
fn bridge() -> &'static RestBridge {
    static BRIDGE: OnceLock<RestBridge> = OnceLock::new();
    BRIDGE.get_or_init(|| RestBridge::start(shared(), TOKEN))
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(Way::Tcp)
    }

    pub(crate) fn over(way: Way) -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let prefix = fresh_prefix();
        let config = match way {
            Way::Tcp => Config::from_url(&shared().url()),
            Way::Rest => Config::rest(&bridge().url(), TOKEN),
        };
        let config = config
            .and_then(|config| config.with_prefix(&prefix))
            .unwrap()
            // The histories are about answers, not about speed.
            .with_command_timeout(Duration::from_secs(10))
            .with_connect_timeout(Duration::from_secs(10));
        Self {
            redis: Store::lazy_with(&config, clock.clone()).unwrap(),
            memory: Store::memory_with(clock.clone()),
            clock,
            prefix,
            raw: RefCell::new(shared().raw()),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    /// Runs `operation` on both and compares what `view` makes of the answers.
    pub(crate) fn agree_on<O: Operation, T: Debug + PartialEq>(
        &self,
        operation: &O,
        view: impl Fn(O::Output) -> T,
    ) {
        self.agree_between([operation, operation], view);
    }

    /// The same with an operation for the server and one for memory, where they are told what happened there before.
    pub(crate) fn agree_between<O: Operation, T: Debug + PartialEq>(
        &self,
        [on_redis, on_memory]: [&O; 2],
        view: impl Fn(O::Output) -> T,
    ) {
        let (redis, memory) = self.runtime.block_on(async {
            (self.redis.run(on_redis).await.map(&view), self.memory.run(on_memory).await.map(&view))
        });
        assert_eq!(redis.unwrap(), memory.unwrap(), "{} differs: the server answered left", O::NAME);
    }

    pub(crate) fn agree<O: Operation>(&self, operation: &O)
    where
        O::Output: Debug + PartialEq,
    {
        self.agree_on(operation, |output| output);
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Runs `operation` on both; answers what they agree on.
    pub(crate) fn agreed<O: Operation>(&self, operation: &O) -> O::Output
    where
        O::Output: Clone + Debug + PartialEq,
    {
        let answer = RefCell::new(None);
        self.agree_on(operation, |output| {
            answer.replace(Some(output.clone()));
            output
        });
        answer.into_inner().unwrap()
    }

    /// Sets the time of both stores back; what the server keeps lives on as long as it did.
    pub(crate) fn step_back(&self, by: Duration) {
        self.clock.step_back(by);
    }

    /// The time of both stores, in microseconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now().as_micros()
    }

    /// Moves the time of both stores.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.raw.borrow_mut().shift_ttls(&self.prefix, by);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let mut raw = self.raw.borrow_mut();
        let immortal = raw.keys_without_ttl(&self.prefix);
        raw.delete_keys(&self.prefix);
        if !std::thread::panicking() {
            assert!(immortal.is_empty(), "keys without a TTL: {immortal:?}");
        }
    }
}
