//! What an operation may do on Redis.

mod account;
mod batch;
mod breaker;
mod capabilities;
mod classify;
mod cluster;
mod common;
mod convert;
mod dial;
mod dispatch;
mod each_server;
mod exclusive;
mod expectation;
mod gather;
mod groups;
mod invocation;
mod lane;
mod link;
mod node;
mod permits;
mod reach;
mod rest;
mod scan;
mod sentinel;
mod shared_only;
mod supervisor;
mod wanted;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use redstart_keys::Key;
use tokio::time::Instant;

use self::{account::Account, convert::convert, dispatch::Prepared, wanted::Wanted};
pub use self::{
    account::Carrier,
    batch::Batch,
    breaker::BreakerState,
    capabilities::{Capabilities, Engine, Version},
    invocation::Invocation,
    scan::{Page, ScanCursor},
};
pub(crate) use self::{
    classify::classify,
    dial::{Dialer, Dialled},
    exclusive::Session,
    link::{Link, Route},
    node::Node,
    permits::IN_FLIGHT,
    rest::Rest,
    supervisor::full_jitter,
};
use crate::{Certainty, Cmd, Effect, Error, Result, Script, Value, cmd::Part};

/// One attempt of an operation on Redis.
pub struct Redis {
    link: Arc<Link>,
    deadline: Instant,
    effect: Effect,
    /// Whether memory may answer in the server's place, so that the server need not.
    stands_by: bool,
    account: Account,
}

impl Redis {
    pub(crate) fn new(link: Arc<Link>, deadline: Instant, effect: Effect, stands_by: bool) -> Self {
        Self { link, deadline, effect, stands_by, account: Account::default() }
    }

    /// Asks one server for a sign of life, as any call would.
    pub(crate) async fn ping(&self, node: &Arc<Node>) -> Result<()> {
        self.send_over(node, &redis::cmd("PING"), false).await.map(drop)
    }

    /// Sends one command.
    ///
    /// # Errors
    ///
    /// Fails when no connection is up, when it breaks, and with the server's own errors. Commands that
    /// block, or that change the connection for everybody who shares it, are refused before they are sent.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the command may have been carried out.
    pub async fn send(&self, cmd: Cmd) -> Result<Value> {
        let prepared = self.prepare(&cmd)?;
        self.dispatch(&prepared).await.and_then(convert)
    }

    /// Sends several commands in one write; they are not one step for others.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`]; the first command that fails decides, the others have been sent all the same,
    /// so that the failure counts as [`Certainty::Unknown`] unless all were refused.
    pub async fn pipeline(&self, cmds: Vec<Cmd>) -> Result<Vec<Value>> {
        self.pipeline_each(cmds).await?.into_iter().collect()
    }

    /// Sends several commands in one write, and answers with what became of each.
    ///
    /// # Errors
    ///
    /// Fails when none could be sent. Should one of them fail alone, the attempt counts as done as far as the
    /// certainty of the whole is concerned: it is for the caller to look at each.
    pub async fn pipeline_each(&self, cmds: Vec<Cmd>) -> Result<Vec<Result<Value>>> {
        let prepared: Vec<Prepared> = cmds.iter().map(|cmd| self.prepare(cmd)).collect::<Result<_>>()?;
        let answers = self.dispatch_all(prepared).await?;
        Ok(answers.into_iter().map(|answer| answer.and_then(convert)).collect())
    }

    /// The string under `key`; concurrent reads travel together.
    ///
    /// A key of another type may read as absent, since that is what MGET makes of it.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`].
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        let name = self.link.name(key);
        let (value, _) = self.gathered(Wanted { name: &name, shared: None }).await?;
        Ok(value)
    }

    /// The strings under `key` and under `shared`, which other callers want as well: where reads travel
    /// together it is read once for all of them.
    ///
    /// They are not one step for others. Of keys of another type, see [`Redis::get`].
    ///
    /// # Errors
    ///
    /// As [`Redis::send`].
    pub async fn get_with(&self, key: &Key, shared: &Key) -> Result<(Option<Bytes>, Option<Bytes>)> {
        let (name, shared) = (self.link.name(key), self.link.name(shared));
        self.gathered(Wanted { name: &name, shared: Some(&shared) }).await
    }

    /// The strings under `keys`, in their order: one command, or in a cluster one for each slot.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`].
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        let groups = groups::by_slot(keys.iter().map(|key| self.link.slot_of(key)));
        if let [all] = groups.as_slice() {
            return self.mget(keys, all).await;
        }
        let parts = groups.iter().map(|group| self.mget(keys, group));
        let mut values = vec![None; keys.len()];
        for (group, part) in groups.iter().zip(join_all(parts).await) {
            for (&index, value) in group.iter().zip(part?) {
                values[index] = value;
            }
        }
        Ok(values)
    }

    async fn mget(&self, keys: &[Key], group: &[usize]) -> Result<Vec<Option<Bytes>>> {
        let mut cmd = redis::Cmd::with_capacity(group.len() + 1, group.len() * 48);
        cmd.arg("MGET");
        let mut name = Vec::with_capacity(64);
        for &index in group {
            name.clear();
            self.link.write_name(&keys[index], &mut name);
            cmd.arg(name.as_slice());
        }
        let slot = group.first().and_then(|&first| self.link.slot_of(&keys[first]));
        match self.dispatch(&Prepared { cmd, slot }).await? {
            redis::Value::Array(values) if values.len() == group.len() => {
                values.into_iter().map(wanted::read).collect()
            }
            _ => Err(Error::protocol("an MGET was answered with something else")),
        }
    }

    /// Whether the names are spread over slots, so that a script has all its keys in one of them.
    #[must_use]
    pub fn has_slots(&self) -> bool {
        matches!(self.link.route, Route::Cluster(_))
    }

    /// Whether commands travel over connections that last, of which [`Redis::carrier`] tells; not over REST.
    #[must_use]
    pub fn has_connections(&self) -> bool {
        !matches!(self.link.route, Route::Rest(_))
    }

    /// Which of `keys` may be in one command or one script: all of them, or in a cluster those that share
    /// a slot. Answers with their indices.
    #[must_use]
    pub fn groups(&self, keys: &[&Key]) -> Vec<Vec<usize>> {
        groups::by_slot(keys.iter().map(|key| self.link.slot_of(key)))
    }

    /// Prepares commands for one write; they are not one step for others.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Prepares a call of `script`.
    #[must_use]
    pub fn script<'a>(&'a self, script: &'static Script) -> Invocation<'a> {
        Invocation::new(self, script)
    }

    /// The name of `key` on the server, for answers that hold names.
    #[must_use]
    pub fn name(&self, key: &Key) -> String {
        String::from_utf8_lossy(&self.link.name(key)).into_owned()
    }

    /// What the server that was greeted last can do; nothing is known before, and over REST.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.link.common.capabilities.load().as_deref().cloned().unwrap_or_default()
    }

    /// The connection that carried what this attempt sent last; none before, and over REST.
    ///
    /// Reads that were gathered do not count.
    #[must_use]
    pub fn carrier(&self) -> Option<Carrier> {
        self.account.carrier()
    }

    /// Says that this process has added to a stream, to readers that nobody else tells.
    pub(crate) fn tell_readers(&self) {
        if let Route::Rest(rest) = &self.link.route {
            rest.tell_readers();
        }
    }

    /// What is known of everything that this attempt sent.
    pub(crate) fn certainty(&self) -> Certainty {
        self.account.certainty()
    }

    fn prepare(&self, cmd: &Cmd) -> Result<Prepared> {
        let mut prepared = redis::Cmd::with_capacity(cmd.parts.len() + 1, 128);
        prepared.arg(cmd.name());
        let mut args = cmd.args.iter();
        let mut slot = None;
        for part in &cmd.parts {
            match part {
                Part::Arg => prepared.arg(args.next().unwrap_or_default()),
                Part::Key(key) => {
                    let name = self.link.name(key);
                    slot = slot.or_else(|| self.link.slot(&name));
                    prepared.arg(name)
                }
                Part::Name(name) => {
                    slot = slot.or_else(|| self.link.slot(name));
                    prepared.arg(&name[..])
                }
                Part::Pattern(pattern) => {
                    let mut name = Vec::new();
                    pattern.render(&self.link.prefix, &mut name);
                    prepared.arg(name)
                }
            };
        }
        shared_only::check(&prepared)?;
        Ok(Prepared { cmd: prepared, slot })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("certainty", &self.certainty()).finish_non_exhaustive()
    }
}
