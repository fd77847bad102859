//! Tokens: who asks for a lock.

use std::{fmt, sync::Arc};

/// Length of the part that tells processes apart: 128 bits, as the scripts know as well.
///
/// The server keeps a text of up to 44 bytes in one piece, and copies it at half the price. The rest of a token
/// mostly takes less than half of that.
pub(crate) const INSTANCE: usize = 22;
/// What stands behind the holder's token once somebody waits, as the scripts know as well.
const WAITED_FOR: char = '\n';

/// Who asks: unique for each attempt to acquire.
///
/// The first 22 characters are those of the process, which is told under them when it may have the lock;
/// after the second dash stands its name, for people.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Token(Arc<str>);

impl Token {
    /// A token; two attempts must never use the same, and none may contain a line break.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn of_attempt(instance: &str, attempt: u64, name: &str) -> Self {
        let mut text = String::with_capacity(instance.len() + name.len() + 18);
        text.push_str(instance);
        text.push('-');
        push_hexadecimal(&mut text, attempt);
        text.push('-');
        text.push_str(name);
        Self(text.into())
    }

    /// The token of a lock's holder, from what stands under the lock's name.
    pub(super) fn of_holder(text: &str) -> Self {
        Self::new(text.strip_suffix(WAITED_FOR).unwrap_or(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that all tokens of a process share.
    pub(crate) fn instance(&self) -> &str {
        self.0.get(..INSTANCE).unwrap_or(&self.0)
    }

    /// The name of the process that asked; the whole text where another program wrote it.
    #[must_use]
    pub fn owner(&self) -> &str {
        let ours = self.0.get(INSTANCE..).and_then(|rest| rest.strip_prefix('-'));
        ours.and_then(|rest| rest.split_once('-')).map_or(&self.0, |(_, name)| name)
    }
}

fn push_hexadecimal(text: &mut String, number: u64) {
    if 16 <= number {
        push_hexadecimal(text, number / 16);
    }
    // The formatter of the standard library takes several times as long.
    text.push(char::from(b"0123456789abcdef"[usize::try_from(number % 16).unwrap_or(0)]));
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use redstart_connection::Store;

    use super::{INSTANCE, Token};
    use crate::{Locks, operations::channel};

    #[test]
    fn processes_are_told_apart_by_what_stands_in_a_channel_as_it_is() {
        let handles: Vec<Locks> = (0..32).map(|_| Locks::new(Store::memory())).collect();
        let mut instances: Vec<String> = Vec::new();
        for locks in &handles {
            let (first, second) = (locks.0.token().1, locks.0.token().1);
            assert_eq!(first.instance(), second.instance());
            assert_eq!(first.instance().len(), INSTANCE);
            assert_eq!(first.owner(), locks.name());
            assert_eq!(channel(first.instance()).id(), Some(first.instance()));
            instances.push(first.instance().to_owned());
        }
        instances.sort();
        instances.dedup();
        assert_eq!(instances.len(), handles.len());
    }

    #[test]
    fn token_tells_process_and_owner() {
        let token = Token::of_attempt("0123456789abcdefABCDEF", 255, "worker-3");
        assert_eq!(token.as_str(), "0123456789abcdefABCDEF-ff-worker-3");
        assert_eq!(token.instance(), "0123456789abcdefABCDEF");
        assert_eq!(token.owner(), "worker-3");
    }

    #[test]
    fn token_of_another_program_is_its_own_owner() {
        for text in ["", "node-7", "0123456789abcdefABCDEF", "ÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜÄÖÜ"]
        {
            assert_eq!(Token::new(text).owner(), text);
        }
    }
}
