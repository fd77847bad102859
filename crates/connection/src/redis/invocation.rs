//! A call of a server-side script.

use std::fmt;

use redstart_keys::Key;

use super::{Redis, classify::inside_script, convert::convert, dispatch::Prepared};
use crate::{Result, Script, Value, WriteArg};

/// A call of a script, from [`Redis::script`](crate::Redis::script).
pub struct Invocation<'a> {
    redis: &'a Redis,
    script: &'static Script,
    /// Keys and arguments in one buffer, in the order in which they were added.
    data: Vec<u8>,
    parts: Vec<Part>,
    count: usize,
    slot: Option<u16>,
}

/// A key or an argument.
struct Part {
    /// Where it ends in the buffer.
    end: usize,
    is_key: bool,
}

impl<'a> Invocation<'a> {
    pub(super) fn new(redis: &'a Redis, script: &'static Script) -> Self {
        // Room for what most scripts get.
        let (data, parts) = (Vec::with_capacity(192), Vec::with_capacity(8));
        Self { redis, script, data, parts, count: 0, slot: None }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: &Key) -> Self {
        let (link, start) = (&self.redis.link, self.data.len());
        link.write_name(key, &mut self.data);
        self.slot = self.slot.or_else(|| link.slot(&self.data[start..]));
        self.count += 1;
        self.parts.push(Part { end: self.data.len(), is_key: true });
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl WriteArg) -> Self {
        arg.write(&mut self.data);
        self.parts.push(Part { end: self.data.len(), is_key: false });
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
        // The name, the count and the time are short.
        let mut cmd = redis::Cmd::with_capacity(self.parts.len() + 4, self.data.len() + script.len() + 32);
        cmd.arg(name).arg(script).arg(self.count);
        for key in self.parts(true) {
            cmd.arg(key);
        }
        let clock = &self.redis.link.clock;
        let now = clock.is_manual().then(|| clock.now().as_micros());
        let is_lean = self.script.is_lean();
        if !is_lean {
            cmd.arg(now.map_or_else(String::new, |now| now.to_string()));
        }
        for arg in self.parts(false) {
            cmd.arg(arg);
        }
        if is_lean {
            cmd.arg(now);
        }
        Prepared { cmd, slot: self.slot }
    }

    /// The keys, or the arguments.
    fn parts(&self, keys: bool) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.parts.iter().filter_map(move |&Part { end, is_key }| {
            let part = &self.data[start..end];
            start = end;
            (is_key == keys).then_some(part)
        })
    }
}

impl fmt::Debug for Invocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invocation({}, {} keys)", self.script.name(), self.count)
    }
}
