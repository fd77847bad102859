//! What workers write down, and how it is read.

use std::{fmt, str::FromStr};

/// One thing that happened to one worker; times are microseconds of the machine's clock, which is the same for
/// all processes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) what: What,
    pub(super) fence: u64,
    /// Before it, and after it.
    pub(super) began: u64,
    pub(super) ended: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    /// The lock was granted.
    Granted,
    /// The lease was valid at `began`: it was asked for after that.
    Valid,
    /// The work was polled.
    Polled,
    /// The cell took a value.
    Stored,
    /// The cell refused a value.
    Refused,
    /// The worker was told that the lock is lost; at `began` it ran and had not been told.
    Lost,
}

const NAMES: [(What, &str); 6] = [
    (What::Granted, "granted"),
    (What::Valid, "valid"),
    (What::Polled, "polled"),
    (What::Stored, "stored"),
    (What::Refused, "refused"),
    (What::Lost, "lost"),
];

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, fence, began, ended } = self;
        let (_, name) = NAMES.iter().find(|(one, _)| one == what).ok_or(fmt::Error)?;
        write!(f, "@ {name} {fence} {began} {ended}")
    }
}

impl FromStr for Record {
    type Err = ();

    /// Reads a line; a process that was killed may have left half of one.
    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["@", name, fence, began, ended] = words[..] else { return Err(()) };
        let (what, _) = *NAMES.iter().find(|(_, one)| *one == name).ok_or(())?;
        let number = |text: &str| text.parse().map_err(drop);
        Ok(Self { what, fence: number(fence)?, began: number(began)?, ended: number(ended)? })
    }
}
