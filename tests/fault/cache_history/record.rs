//! What a history is made of, and how it is read.

use std::{fmt, str::FromStr};

/// One thing that a node did with one key; times are microseconds of the machine's clock, which is the same for
/// all processes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) what: What,
    pub(super) node: usize,
    pub(super) key: u64,
    /// What was seen; of a change what the register held when it began: nothing older may be shown after it.
    pub(super) version: u64,
    /// Before it, and after it.
    pub(super) began: u64,
    pub(super) ended: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    /// The tier of this process answered.
    ReadNear,
    /// The store answered.
    ReadFar,
    /// The loader answered.
    ReadLoaded,
    /// Memory answered in place of the store.
    ReadStandby,
    /// A change that others were told of.
    Told,
    /// A change that others hear of later.
    Kept,
    /// What a tier has when all has come to rest.
    AtRest,
}

const NAMES: [(What, &str); 7] = [
    (What::ReadNear, "near"),
    (What::ReadFar, "far"),
    (What::ReadLoaded, "loaded"),
    (What::ReadStandby, "standby"),
    (What::Told, "told"),
    (What::Kept, "kept"),
    (What::AtRest, "at-rest"),
];

impl What {
    pub(super) const fn is_read(self) -> bool {
        matches!(self, Self::ReadNear | Self::ReadFar | Self::ReadLoaded | Self::ReadStandby)
    }

    pub(super) const fn is_change(self) -> bool {
        matches!(self, Self::Told | Self::Kept)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, node, key, version, began, ended } = self;
        let (_, name) = NAMES.iter().find(|(one, _)| one == what).ok_or(fmt::Error)?;
        write!(f, "@ {name} {node} {key} {version} {began} {ended}")
    }
}

impl FromStr for Record {
    type Err = ();

    /// Reads a line; a process that was killed may have left half of one.
    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["@", name, node, key, version, began, ended] = words[..] else { return Err(()) };
        let (what, _) = *NAMES.iter().find(|(_, one)| *one == name).ok_or(())?;
        let number = |text: &str| text.parse().map_err(drop);
        Ok(Self {
            what,
            node: node.parse().map_err(drop)?,
            key: number(key)?,
            version: number(version)?,
            began: number(began)?,
            ended: number(ended)?,
        })
    }
}
