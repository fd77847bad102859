//! Commands as JSON, whatever bytes their arguments hold.
//!
//! A JSON string holds characters, and an argument may hold any bytes. What is UTF-8 travels as it is. A
//! command with anything else goes by a script that first gives its arguments their bytes back: each of
//! them travelled as the character of the same number.

use std::{
    collections::HashMap,
    str,
    sync::{Mutex, PoisonError},
};

use redis::{Arg, Cmd};

use crate::{Certainty, Error, ErrorKind, Result};

/// Gives the arguments of a script their bytes back; the script follows.
const PRELUDE: &str = include_str!("request.lua");
/// Does what the arguments say.
const CALL: &str = "return redis.call(unpack(ARGV))";
/// How many digests are remembered; a service has a few dozen scripts.
const MAX_DIGESTS: usize = 1024;

/// Writes commands, and remembers under which digests the server has scripts with the prelude.
#[derive(Default)]
pub(super) struct Writer(Mutex<HashMap<String, String>>);

impl Writer {
    pub(super) fn one(&self, cmd: &Cmd) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(256);
        self.write(cmd, &mut out)?;
        Ok(out)
    }

    pub(super) fn several(&self, cmds: &[&Cmd]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(256 * cmds.len());
        let mut before = b'[';
        for cmd in cmds {
            out.push(before);
            self.write(cmd, &mut out)?;
            before = b',';
        }
        out.push(b']');
        Ok(out)
    }

    fn write(&self, cmd: &Cmd, out: &mut Vec<u8>) -> Result<()> {
        let args: Vec<&[u8]> = cmd
            .args_iter()
            .map(|arg| match arg {
                Arg::Simple(arg) => arg,
                _ => b"0",
            })
            .collect();
        let texts: Option<Vec<&str>> = args.iter().map(|arg| str::from_utf8(arg).ok()).collect();
        match texts {
            Some(texts) => write_array(&texts, out),
            None => write_array(&self.spelled(&args)?, out),
        }
        Ok(())
    }

    /// The same command by way of a script with the prelude.
    fn spelled(&self, args: &[&[u8]]) -> Result<Vec<String>> {
        let (mut spelled, plain) = match args {
            [name, script, keys, rest @ ..] if name.eq_ignore_ascii_case(b"EVAL") => {
                let script = text(script)?;
                let whole = with_prelude(script);
                self.remember(digest(script), digest(&whole));
                let (keys, rest) = keys_of(keys, rest)?;
                (head("EVAL", whole, &keys), rest)
            }
            [name, script, keys, rest @ ..] if name.eq_ignore_ascii_case(b"EVALSHA") => {
                let (keys, rest) = keys_of(keys, rest)?;
                (head("EVALSHA", self.digest_of(text(script)?)?, &keys), rest)
            }
            // Its keys need no declaration, since behind HTTP there are no slots to tell.
            _ => (head("EVAL", with_prelude(CALL), &[]), args),
        };
        spelled.extend(plain.iter().map(|arg| arg.iter().map(|&byte| char::from(byte)).collect()));
        spelled.push(plain.iter().map(|arg| arg.len()).sum::<usize>().to_string());
        Ok(spelled)
    }

    /// The digest of a script with the prelude; that of one which the server was never told is refused as
    /// the server would, so that its source follows.
    fn digest_of(&self, script: &str) -> Result<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(script).cloned();
        known.ok_or_else(|| {
            let what = "the server does not know this script for arguments of any bytes yet";
            Error::new(ErrorKind::Script, Certainty::NotSent, what).with_code("NOSCRIPT")
        })
    }

    fn remember(&self, plain: String, with_prelude: String) {
        let mut digests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Scripts made up at run time could be any number.
        if digests.len() < MAX_DIGESTS {
            digests.insert(plain, with_prelude);
        }
    }
}

fn head(name: &str, script: String, keys: &[&str]) -> Vec<String> {
    let mut head = vec![name.to_owned(), script, keys.len().to_string()];
    head.extend(keys.iter().map(|&key| key.to_owned()));
    head
}

/// The keys of a script and its arguments.
fn keys_of<'a>(count: &[u8], rest: &'a [&'a [u8]]) -> Result<(Vec<&'a str>, &'a [&'a [u8]])> {
    let count = text(count)?.parse::<usize>().ok().filter(|&count| count <= rest.len());
    let count =
        count.ok_or_else(|| Error::unsupported("a script has another number of keys than it says"))?;
    let (keys, args) = rest.split_at(count);
    Ok((keys.iter().map(|key| text(key)).collect::<Result<_>>()?, args))
}

/// What has no other way over HTTP.
fn text(arg: &[u8]) -> Result<&str> {
    str::from_utf8(arg)
        .map_err(|_| Error::unsupported("REST takes scripts and the names of their keys as UTF-8 alone"))
}

fn with_prelude(script: &str) -> String {
    // A first line such as `#!lua name=…` must stay the first.
    let (shebang, rest) = match script.split_once('\n') {
        Some((first, rest)) if first.starts_with("#!") => (format!("{first}\n"), rest),
        _ => (String::new(), script),
    };
    format!("{shebang}{PRELUDE}{rest}")
}

fn digest(script: &str) -> String {
    redis::Script::new(script).get_hash().to_owned()
}

fn write_array<T: AsRef<str>>(texts: &[T], out: &mut Vec<u8>) {
    let mut before = b'[';
    for text in texts {
        out.push(before);
        // Writing to a Vec cannot fail.
        let _written = serde_json::to_writer(&mut *out, text.as_ref());
        before = b',';
    }
    out.push(b']');
}

#[cfg(test)]
mod tests;
