//! The file of a backup: frames that are checked, chunks that are compressed, keys without their prefix.
//!
//! The form is documented in docs/cli/backup.md, so that other programs can read it.

mod chunk;
mod frame;
mod name;
mod payload;
mod reader;
mod record;
mod selection;
mod writer;

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use self::{name::Name, reader::Archive, record::Record, selection::Selection};
pub(crate) use self::{
    payload::is_same_value,
    selection::Chosen,
    writer::{Writer, part},
};
use crate::{Exit, Failure};

/// The version of the form that this program writes, and the newest that it reads.
pub(crate) const FORM: u32 = 1;

/// What a backup says of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Header {
    /// The version of the file's form.
    pub form: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When it was begun, in milliseconds since 1970 by the clock of the machine that wrote it.
    pub begun_at: u64,
    /// Where it comes from, without secrets.
    pub source: String,
    /// What the server is, such as `Redis 7.0`.
    pub server: String,
    /// The prefix that the names had, which is not part of them here.
    pub prefix: String,
    /// What was taken: patterns without the prefix.
    pub patterns: Vec<String>,
    /// Categories that were left out.
    pub left_out: Vec<String>,
}

/// How much a backup holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Totals {
    /// Records: keys, those that were met twice counted twice.
    pub keys: u64,
    /// Bytes of names and values before compression.
    pub bytes: u64,
    /// Chunks.
    pub chunks: u64,
}

/// Where a backup goes on that was cut after a chunk.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Position {
    /// Which of the header's patterns was walked.
    pub pattern: usize,
    /// The walk over the names, as a line.
    pub walk: String,
    /// The run of the server to which the walk belongs; nothing else can go on with it.
    pub run: Option<String>,
}

/// Why a file of a backup can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The disk says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a file already.
    #[error("{} exists already", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// It is something else.
    #[error("{} is no backup of redstart: {what}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// How one can tell.
        what: String,
    },
    /// Something in it is not as it was written.
    #[error("{} is damaged at byte {at}: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where the frame begins that is damaged.
        at: u64,
        /// What is wrong there.
        what: String,
    },
    /// Its end is missing.
    #[error("{} has no end: the backup was cut after {keys} keys", path.display())]
    Unfinished {
        /// Which file.
        path: PathBuf,
        /// How many keys it holds.
        keys: u64,
    },
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let text = error.to_string();
        match error {
            ArchiveError::Io { .. } => Self::usage(text),
            ArchiveError::Exists { .. } => Self::usage(text)
                .with_remedy("name another file, or say --force to write over it, --resume to go on with it"),
            ArchiveError::Foreign { .. } => Self::usage(text),
            ArchiveError::Damaged { .. } => Self::new(Exit::Found, text)
                .with_remedy("take another copy; nothing of this one has been restored"),
            ArchiveError::Unfinished { .. } => Self::new(Exit::Found, text)
                .with_remedy("finish it: redstart backup --resume with the same file"),
        }
    }
}

#[cfg(test)]
mod tests;
