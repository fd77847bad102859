//! A call of a server-side script.

use std::fmt;

use redstart_keys::Key;

use super::{Redis, classify::inside_script, convert::convert, dispatch::Prepared};
use crate::{Result, Script, Value, WriteArg, cmd::Args};

/// A call of a script, from [`Redis::script`](crate::Redis::script).
pub struct Invocation<'a> {
    redis: &'a Redis,
    script: &'static Script,
    keys: Args,
    count: usize,
    slot: Option<u16>,
    args: Args,
}

impl<'a> Invocation<'a> {
    pub(super) fn new(redis: &'a Redis, script: &'static Script) -> Self {
        // Room for what most scripts get.
        let (keys, mut args) = (Args::with_capacity(64, 1), Args::with_capacity(64, 8));
        let clock = &redis.link.clock;
        if clock.is_manual() {
            args.push(&clock.now().as_micros());
        } else {
            args.push(&"");
        }
        Self { redis, script, keys, count: 0, slot: None, args }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: &Key) -> Self {
        let link = &self.redis.link;
        let name = self.keys.push_with(|out| link.write_name(key, out));
        self.slot = self.slot.or_else(|| link.slot(name));
        self.count += 1;
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl WriteArg) -> Self {
        self.args.push(&arg);
        self
    }

    /// Runs the script.
    ///
    /// # Errors
    ///
    /// As [`Redis::send`](crate::Redis::send).
    pub async fn invoke(self) -> Result<Value> {
        let answer = match self.redis.dispatch(&self.command("EVALSHA", self.script.digest())).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                self.redis.dispatch(&self.command("EVAL", self.script.source())).await
            }
            answer => answer,
        };
        answer.map_err(inside_script).and_then(convert)
    }

    fn command(&self, name: &str, script: &str) -> Prepared {
        let mut cmd = redis::Cmd::with_capacity(8, 256);
        cmd.arg(name).arg(script).arg(self.count);
        for part in self.keys.iter().chain(self.args.iter()) {
            cmd.arg(part);
        }
        Prepared { cmd, slot: self.slot }
    }
}

impl fmt::Debug for Invocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invocation({}, {} keys)", self.script.name(), self.count)
    }
}
