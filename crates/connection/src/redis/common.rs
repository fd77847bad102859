//! What all nodes of a store share.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

use super::{capabilities::Capabilities, dial::Dialer, expectation::Expectation};
use crate::{BreakerConfig, Config, Result, Tasks, events::Announcer};

/// What all nodes of a store share: how connections are opened, how long things may take, who is told.
pub(crate) struct Common {
    pub(crate) dialer: Dialer,
    pub(crate) tasks: Tasks,
    pub(crate) announcer: Announcer,
    /// What the server that was greeted last can do.
    pub(crate) capabilities: ArcSwapOption<Capabilities>,
    expectation: Expectation,
    /// Told when the breaker of any node opens.
    has_opened: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Told when a lane of any node comes or goes.
    pub(crate) nodes_changed: Notify,
    pub(crate) lanes: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) pool: PoolBounds,
    pub(crate) breaker: Option<BreakerConfig>,
    pub(crate) standby: bool,
}

/// The bounds of the exclusive connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolBounds {
    pub(crate) size: u32,
    pub(crate) idle: Duration,
    pub(crate) max_age: Duration,
}

impl Common {
    pub(crate) fn new(config: &Config, tasks: Tasks, announcer: Announcer) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            dialer: Dialer::new(config, &tasks)?,
            tasks,
            announcer,
            capabilities: ArcSwapOption::empty(),
            expectation: Expectation::of(config),
            has_opened: OnceLock::new(),
            nodes_changed: Notify::new(),
            lanes: config.lanes,
            connect_timeout: config.connect_timeout,
            command_timeout: config.command_timeout,
            pool: PoolBounds { size: config.pool_size, idle: config.idle_timeout, max_age: config.max_age },
            breaker: config.breaker.clone(),
            standby: config.standby,
        }))
    }

    /// Has `hook` run whenever the breaker of a node has opened; the first hook stays.
    ///
    /// It must be quick, and is run under the breaker's lock.
    pub(crate) fn on_opened(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _first = self.has_opened.set(Box::new(hook));
    }

    pub(crate) fn tell_opened(&self) {
        if let Some(hook) = self.has_opened.get() {
            hook();
        }
    }

    /// Keeps what a server says of itself, and warns where something else was expected.
    pub(crate) fn learn(&self, server: &str, capabilities: Capabilities) {
        self.expectation.compare(server, &capabilities);
        self.capabilities.store(Some(Arc::new(capabilities)));
    }
}
