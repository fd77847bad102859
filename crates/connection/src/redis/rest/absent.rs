//! What is there of REST in a build without it: the advice to enable it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::{
    Certainty, Config, Error, ErrorKind, Result, Status, Value,
    redis::{
        account::Account,
        common::Common,
        wanted::{Found, Wanted},
    },
};

/// There is none in this build.
pub(crate) enum Rest {}

#[expect(clippy::unused_async, reason = "the other build awaits here")]
impl Rest {
    pub(crate) fn new(_: &Config, _: &Arc<Common>) -> Result<Arc<Self>> {
        let what = "this build speaks no REST; enable the feature `rest`";
        Err(Error::new(ErrorKind::Config, Certainty::NotSent, what))
    }

    pub(in crate::redis) async fn send(
        &self,
        _: &redis::Cmd,
        _: Instant,
        _: &Account,
    ) -> Result<redis::Value> {
        match *self {}
    }

    pub(in crate::redis) async fn send_all(
        &self,
        _: &[&redis::Cmd],
        _: Instant,
        _: &Account,
    ) -> Result<Vec<Result<redis::Value>>> {
        match *self {}
    }

    pub(in crate::redis) async fn read(
        self: &Arc<Self>,
        _: Wanted<'_>,
        _: Instant,
        _: &Account,
    ) -> Result<Found> {
        match **self {}
    }

    pub(crate) async fn greet(&self) -> Result<()> {
        match *self {}
    }

    pub(crate) async fn ask(&self, _: &redis::Cmd, _: Duration) -> Result<Value> {
        match *self {}
    }

    pub(crate) fn status(&self, _: &mut Status) {
        match *self {}
    }

    pub(crate) fn tell_readers(&self) {
        match *self {}
    }

    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        match *self {}
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
