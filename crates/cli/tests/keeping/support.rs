//! Running the command, and servers with something in them.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use redstart_testkit::{Raw, RedisServer};
use serde_json::Value;

/// How the command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The one JSON document on the standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// That it ended so.
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// The command with nothing of this process's environment that could lead it astray.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redstart"));
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command to its end.
pub(crate) fn redstart(arguments: &[&str]) -> Said {
    finish(command(arguments).spawn().unwrap())
}

/// Runs the command against a server.
pub(crate) fn at(server: &RedisServer, arguments: &[&str]) -> Said {
    let url = server.url();
    redstart(&[&["--url", &url], arguments].concat())
}

pub(crate) fn finish(child: Child) -> Said {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Keys of every kind under a prefix, half of them with TTLs, `count` of the plainest.
pub(crate) fn fill(raw: &mut Raw, prefix: &str, count: usize) {
    let fill = "
        local p = ARGV[1]
        for i = 1, ARGV[2] do
          local key = p .. ':cache:user:{' .. i .. '}'
          redis.call('SET', key, string.rep('value ' .. i .. ' ', i % 20 + 1))
          if i % 2 == 0 then redis.call('PEXPIRE', key, 3600000 + i) end
        end
        for i = 1, 300 do
          redis.call('SADD', p .. ':cache:set:{1}', 'member ' .. i)
          redis.call('HSET', p .. ':session:hash:{1}', 'field ' .. i, i)
          redis.call('ZADD', p .. ':counter:scores:{1}', i, 'member ' .. i)
          redis.call('RPUSH', p .. ':jobs:list', 'job ' .. i)
          redis.call('XADD', p .. ':cache:user:#inv', i .. '-1', 'k', i)
        end
        redis.call('XGROUP', 'CREATE', p .. ':cache:user:#inv', 'readers', '0')
        redis.call('XREADGROUP', 'GROUP', 'readers', 'one', 'COUNT', 5, 'STREAMS', p .. ':cache:user:#inv', '>')
        redis.call('SET', '{' .. p .. ':cache:page:7}:g', 'ticket', 'PX', 600000)
        redis.call('SET', p .. ':other:\\255\\0binary', '\\0\\1\\2')
        redis.call('SET', p .. ':lock:payout:{1}', 'holder', 'PX', 600000)";
    raw.command(&["EVAL", fill, "0", prefix, &count.to_string()]);
}
