//! Rules tried on a real server: what must be allowed is, and what must not is not.

use std::{future::poll_fn, ops::Range, pin::pin, task::Poll};

use redstart_connection::{Cmd, Error, ErrorKind, Result, Store, Value};
use serde::Serialize;

use super::{AccessRules, rules::is_nothing};

/// What no component may do, whatever it is for.
const FORBIDDEN: [&str; 9] = [
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG SET maxmemory 1",
    "KEYS *",
    "DEBUG SLEEP 0",
    "SHUTDOWN",
    "REPLICAOF NO ONE",
    "ACL SETUSER x",
    "MONITOR",
];

/// What came of trying rules on a server.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Proof {
    /// How many commands were tried.
    pub tried: usize,
    /// Those that came out otherwise than they should.
    pub wrong: Vec<Trial>,
}

/// A command that came out otherwise than it should.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Trial {
    /// The command with its arguments.
    pub command: String,
    /// Whether it should be allowed.
    pub should_pass: bool,
    /// What the server said.
    pub said: String,
}

impl Proof {
    /// Tries the rules with a user that nobody can log in as, and that is gone afterwards; none when `stopped`
    /// came first.
    ///
    /// # Errors
    ///
    /// Fails when this connection may not make users (ACL SETUSER, ACL DRYRUN), or the server goes away.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the user may remain, turned off and without a password.
    pub async fn of(
        store: &Store,
        rules: &AccessRules,
        stopped: impl Future<Output = ()>,
    ) -> Result<Option<Self>> {
        let mut stopped = pin!(stopped);
        // Asked before there is a user, so that a signal is heard from then on.
        if poll_fn(|context| Poll::Ready(stopped.as_mut().poll(context).is_ready())).await {
            return Ok(None);
        }
        let user = format!("redstart-proof-{}", std::process::id());
        let made = rules
            .words()
            .fold(Cmd::new("ACL").arg("SETUSER").arg(&user).arg("reset").arg("off"), |cmd, word| {
                cmd.arg(word)
            });
        store.command(made).await?;
        let proof = tokio::select! {
            biased;
            () = stopped => Ok(None),
            proof = Self::with(store, rules, &user) => proof.map(Some),
        };
        let removed = store.command(Cmd::new("ACL").arg("DELUSER").arg(&user)).await;
        let proof = proof?;
        removed.map(|_| proof)
    }

    async fn with(store: &Store, rules: &AccessRules, user: &str) -> Result<Self> {
        let mut proof = Self { tried: 0, wrong: Vec::new() };
        let (own, foreign) = (rules.own_key(), "redstart-foreign:key".to_owned());
        for command in rules.commands() {
            let Some(shape) = Shape::of(store, command, rules.only_reads()).await? else { continue };
            let channel = rules.own_channel();
            proof.attempt(store, user, shape.line(&own, channel.as_deref()), true).await?;
            if shape.has_keys() && !rules.reads_all() {
                proof.attempt(store, user, shape.line(&foreign, None), false).await?;
            }
        }
        for line in FORBIDDEN {
            let words = line.split(' ').map(str::to_owned).collect();
            proof.attempt(store, user, words, false).await?;
        }
        Ok(proof)
    }

    /// Whether everything came out as it should.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }

    async fn attempt(
        &mut self,
        store: &Store,
        user: &str,
        words: Vec<String>,
        should_pass: bool,
    ) -> Result<()> {
        let cmd = words.iter().fold(Cmd::new("ACL").arg("DRYRUN").arg(user), |cmd, word| cmd.arg(word));
        let said = match store.command(cmd).await {
            Ok(answer) => answer.into_text()?,
            Err(error) if is_about_the_line(&error) => error.to_string(),
            Err(error) => return Err(error),
        };
        self.tried += 1;
        if (said == "OK") != should_pass {
            self.wrong.push(Trial { command: words.join(" "), should_pass, said });
        }
        Ok(())
    }
}

/// Whether the server complains of the command that is tried, rather than of the trial.
fn is_about_the_line(error: &Error) -> bool {
    error.kind() == ErrorKind::Server
}

/// How a command looks: how many words it has, and where its keys stand.
struct Shape {
    words: Vec<String>,
    keys: Range<usize>,
    length: usize,
    only_reads: bool,
}

impl Shape {
    /// Asks the server; none when it knows no such command.
    async fn of(store: &Store, command: &str, only_reads: bool) -> Result<Option<Self>> {
        let words: Vec<String> = command.split('|').map(str::to_owned).collect();
        let told = store.command(Cmd::new("COMMAND").arg("INFO").arg(command)).await?.into_array()?;
        let Some(told) = told.into_iter().next().filter(|told| !is_nothing(told)) else { return Ok(None) };
        let mut parts = told.into_array()?.into_iter().skip(1);
        let arity = parts.next().map_or(Ok(0), Value::into_int)?;
        let (first, last) = (parts.nth(1), parts.next());
        let position = |value: Option<Value>| value.map_or(Ok(0), Value::into_int);
        let (first, last) = (position(first)?, position(last)?);
        let length = usize::try_from(arity.unsigned_abs()).unwrap_or(0).max(words.len());
        // The last is counted from the end where there may be any number of keys.
        let keys = match (usize::try_from(first), usize::try_from(last)) {
            (Ok(0) | Err(_), _) => 0..0,
            (Ok(first), Ok(last)) => first..last + 1,
            (Ok(first), Err(_)) => first..length.max(first + 1),
        };
        Ok(Some(Self { words, length: length.max(keys.end), keys, only_reads }))
    }

    fn has_keys(&self) -> bool {
        !self.keys.is_empty() || self.special("").is_some_and(|line| line.iter().any(String::is_empty))
    }

    /// The command with `key` where it takes keys, and as few other words as it bears.
    fn line(&self, key: &str, channel: Option<&str>) -> Vec<String> {
        if let Some(line) = self.special(key) {
            return line;
        }
        let mut line = self.words.clone();
        if let (Some(channel), "publish" | "subscribe") = (channel, self.words[0].as_str()) {
            line.push(channel.to_owned());
        }
        while line.len() < self.length {
            line.push(if self.keys.contains(&line.len()) { key.to_owned() } else { "1".to_owned() });
        }
        line
    }

    /// Commands whose keys stand where only their arguments say.
    fn special(&self, key: &str) -> Option<Vec<String>> {
        let line = match self.words[0].as_str() {
            // What only reads has no keys to hand to a script.
            "eval" if self.only_reads => vec!["eval", "return 1", "0"],
            "eval" => vec!["eval", "return 1", "1", key],
            "evalsha" => vec!["evalsha", "0", "1", key],
            "xread" => vec!["xread", "STREAMS", key, "0"],
            "xreadgroup" => vec!["xreadgroup", "GROUP", "g", "c", "STREAMS", key, ">"],
            "bzpopmin" => vec!["bzpopmin", key, "0"],
            "xgroup" => vec!["xgroup", "CREATE", key, "g", "$"],
            "xinfo" => vec!["xinfo", "STREAM", key],
            "memory" if self.words.get(1).is_some_and(|word| word == "usage") => vec!["memory", "usage", key],
            "object" => vec!["object", self.words.get(1)?, key],
            _ => return None,
        };
        Some(line.into_iter().map(str::to_owned).collect())
    }
}
