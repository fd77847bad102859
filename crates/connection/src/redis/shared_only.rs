//! Which commands may travel over a connection that everybody shares.

use crate::{Cmd, Error, Result};

/// Why a command may not travel with those of others.
enum Harm {
    /// Everybody behind it waits until it is done.
    Blocks,
    /// Everybody behind it gets another connection than the one expected.
    ChangesConnection,
}

/// Refuses what would harm the other users of the connection.
pub(super) fn check(cmd: &Cmd) -> Result<()> {
    let mut upper = [0; 16];
    let Some(name) = upper.get_mut(..cmd.name().len()) else { return Ok(()) };
    name.copy_from_slice(cmd.name().as_bytes());
    name.make_ascii_uppercase();
    let (why, instead) = match harm(name, cmd) {
        None => return Ok(()),
        Some(Harm::Blocks) => {
            ("would block all calls that share its connection", "a command that does not wait")
        }
        Some(Harm::ChangesConnection) => (
            "would change the connection for all calls that share it",
            "a script for several steps at once, a Feed for news, the configuration for the database and the user",
        ),
    };
    Err(Error::unsupported(format!("{} {why}; use {instead}", cmd.name())))
}

fn harm(name: &[u8], cmd: &Cmd) -> Option<Harm> {
    match name {
        b"BLPOP" | b"BRPOP" | b"BLMOVE" | b"BLMPOP" | b"BRPOPLPUSH" | b"BZPOPMIN" | b"BZPOPMAX"
        | b"BZMPOP" | b"WAIT" | b"WAITAOF" => Some(Harm::Blocks),
        b"XREAD" | b"XREADGROUP" => {
            cmd.args.iter().any(|arg| arg.eq_ignore_ascii_case(b"BLOCK")).then_some(Harm::Blocks)
        }
        b"SELECT" | b"MULTI" | b"EXEC" | b"DISCARD" | b"WATCH" | b"UNWATCH" | b"SUBSCRIBE"
        | b"PSUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" | b"MONITOR"
        | b"SYNC" | b"PSYNC" | b"AUTH" | b"HELLO" | b"RESET" | b"QUIT" | b"READONLY" | b"READWRITE"
        | b"ASKING" => Some(Harm::ChangesConnection),
        b"CLIENT" => first_is(cmd, &[b"REPLY", b"TRACKING", b"CACHING", b"SETNAME", b"SETINFO"]),
        b"SCRIPT" => first_is(cmd, &[b"DEBUG"]),
        _ => None,
    }
}

fn first_is(cmd: &Cmd, words: &[&[u8]]) -> Option<Harm> {
    let first = cmd.args.iter().next()?;
    words.iter().any(|word| first.eq_ignore_ascii_case(word)).then_some(Harm::ChangesConnection)
}
