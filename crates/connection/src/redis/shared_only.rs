//! Which commands may travel over a connection that everybody shares.

use crate::{Error, Result};

/// Why a command may not travel with those of others.
enum Harm {
    /// Everybody behind it waits until it is done.
    Blocks,
    /// Everybody behind it gets another connection than the one expected.
    ChangesConnection,
}

/// Refuses what would harm the other users of the connection.
pub(super) fn check(cmd: &redis::Cmd) -> Result<()> {
    let mut words = cmd.args_iter().map(|arg| match arg {
        redis::Arg::Simple(word) => word,
        _ => b"".as_slice(),
    });
    let given = words.next().unwrap_or_default();
    let mut upper = [0; 16];
    let Some(name) = upper.get_mut(..given.len()) else { return Ok(()) };
    name.copy_from_slice(given);
    name.make_ascii_uppercase();
    let (why, instead) = match harm(name, words) {
        None => return Ok(()),
        Some(Harm::Blocks) => {
            ("would block all calls that share its connection", "a command that does not wait")
        }
        Some(Harm::ChangesConnection) => (
            "would change the connection for all calls that share it",
            "a script for several steps at once, a Feed for news, the configuration for the database and the user",
        ),
    };
    Err(Error::unsupported(format!("{} {why}; use {instead}", String::from_utf8_lossy(given))))
}

fn harm<'a>(name: &[u8], mut words: impl Iterator<Item = &'a [u8]>) -> Option<Harm> {
    match name {
        b"BLPOP" | b"BRPOP" | b"BLMOVE" | b"BLMPOP" | b"BRPOPLPUSH" | b"BZPOPMIN" | b"BZPOPMAX"
        | b"BZMPOP" | b"WAIT" | b"WAITAOF" => Some(Harm::Blocks),
        b"XREAD" | b"XREADGROUP" => {
            words.any(|word| word.eq_ignore_ascii_case(b"BLOCK")).then_some(Harm::Blocks)
        }
        b"SELECT" | b"MULTI" | b"EXEC" | b"DISCARD" | b"WATCH" | b"UNWATCH" | b"SUBSCRIBE"
        | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" | b"MONITOR"
        | b"SYNC" | b"PSYNC" | b"AUTH" | b"HELLO" | b"RESET" | b"QUIT" | b"READONLY" | b"READWRITE"
        | b"ASKING" => Some(Harm::ChangesConnection),
        b"CLIENT" => first_is(words, &[b"REPLY", b"TRACKING", b"CACHING", b"SETNAME", b"SETINFO"]),
        b"SCRIPT" => first_is(words, &[b"DEBUG"]),
        _ => None,
    }
}

fn first_is<'a>(mut words: impl Iterator<Item = &'a [u8]>, harmful: &[&[u8]]) -> Option<Harm> {
    let first = words.next()?;
    harmful.iter().any(|word| first.eq_ignore_ascii_case(word)).then_some(Harm::ChangesConnection)
}
