//! What a restore did, and what a file holds.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use redstart_connection::{Store, Timestamp};
use redstart_monitor::Rfc3339;
use serde::Serialize;

use crate::{
    Console, Table,
    archive::{Archive, Header, Totals},
    sizes,
};

/// How keys stand to a backup.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Compared {
    /// Not there.
    pub absent: u64,
    /// There, with the same value and a TTL that differs by a second at most.
    pub same: u64,
    /// There with another value or another TTL.
    pub different: u64,
    /// Ended since the backup.
    pub ended: u64,
    /// In the file, but not what was asked for.
    pub not_meant: u64,
    /// Some that are different.
    pub examples: Vec<String>,
}

/// What a restore did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Restored {
    /// The file.
    pub file: PathBuf,
    /// The prefix that the keys had.
    pub from_prefix: String,
    /// The prefix that they have now.
    pub to_prefix: String,
    /// Whether nothing was to be written.
    pub is_dry: bool,
    /// Whether keys with other values were to be kept.
    pub keeps: bool,
    /// How things stood before.
    pub before: Compared,
    /// Keys that were written.
    pub written: u64,
    /// How things stand now, read back; none of a dry run.
    pub after: Option<Compared>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// What a file holds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Checked {
    /// The file.
    pub file: PathBuf,
    /// What it says of itself.
    pub header: Header,
    /// When it was begun.
    pub begun_at: Rfc3339,
    /// How old it is, in seconds.
    pub age_seconds: u64,
    /// Whether that is more than was allowed.
    pub is_too_old: bool,
    /// How much it holds.
    pub totals: Totals,
    /// Bytes of the file.
    pub length: u64,
    /// The digest over everything in it.
    pub digest: String,
}

impl Restored {
    pub(super) fn new(file: &Path, header: &Header, store: &Store) -> Self {
        Self {
            file: file.to_owned(),
            from_prefix: header.prefix.clone(),
            to_prefix: store.prefix().to_string(),
            ..Self::default()
        }
    }

    /// Whether everything stands there as it should.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let is_right = |after: &Compared| after.absent == 0 && (self.keeps || after.different == 0);
        self.after.as_ref().map_or(self.before.different == 0, is_right)
    }
}

impl Checked {
    pub(super) fn of(file: &Path, archive: &Archive, now: u64, max_age: Option<Duration>) -> Self {
        let header = archive.header().clone();
        let age = Duration::from_millis(now.saturating_sub(header.begun_at));
        Self {
            file: file.to_owned(),
            begun_at: Rfc3339::from(Timestamp::from_micros(header.begun_at.saturating_mul(1_000))),
            header,
            age_seconds: age.as_secs(),
            is_too_old: max_age.is_some_and(|most| age > most),
            totals: archive.totals(),
            length: archive.length(),
            digest: archive.digest().to_owned(),
        }
    }
}

pub(super) fn show_checked(console: &Console, checked: &Checked) {
    let Checked { file, header, begun_at, age_seconds, is_too_old, totals, length, digest } = checked;
    let age = humantime::format_duration(Duration::from_secs(*age_seconds)).to_string();
    let mark = if *is_too_old { "✗ too old" } else { "✓ whole" };
    console.line(&format!("{mark}  {}", file.display()));
    let mut table = Table::new();
    table.row(["  keys", &totals.keys.to_string()]);
    table
        .row(["  size", &format!("{}, compressed to {}", sizes::bytes(totals.bytes), sizes::bytes(*length))]);
    table.row(["  taken", &format!("{begun_at}, {age} ago")]);
    table.row(["  from", &format!("{} ({})", header.source, header.server)]);
    table.row(["  prefix", if header.prefix.is_empty() { "none" } else { &header.prefix }]);
    table.row(["  patterns", &header.patterns.join(" ")]);
    if !header.left_out.is_empty() {
        table.row(["  left out", &header.left_out.join(" ")]);
    }
    table.row(["  sha256", digest]);
    console.line(&table.to_string());
}

pub(super) fn show_restored(console: &Console, restored: &Restored) {
    let Restored { file, from_prefix, to_prefix, is_dry, keeps, before, written, after, took_ms, notes } =
        restored;
    let file = file.display();
    if from_prefix != to_prefix {
        console.line(&format!("The prefix was `{from_prefix}` and becomes `{to_prefix}`."));
    }
    let mut table = Table::new();
    let mut row = |what: &str, keys: u64| {
        if keys > 0 {
            table.row([format!("  {what}"), keys.to_string()]);
        }
    };
    row(if *is_dry { "would be written" } else { "were not there" }, before.absent);
    row("there already, the same", before.same);
    row("there with other values or TTLs", before.different);
    row("ended since the backup", before.ended);
    row("not asked for", before.not_meant);
    match after {
        None => console.line(&format!("{file} against what is there; nothing was written:")),
        Some(after) => {
            let seconds = *took_ms as f64 / 1e3;
            console.line(&format!("{file}: {written} keys written, and read back, in {seconds:.1} s."));
            row("now as in the backup", after.same);
            if !keeps {
                row("changed by others meanwhile", after.different);
            }
            row("missing now", after.absent);
        }
    }
    console.line(&table.to_string());
    for example in &before.examples {
        console.line(&format!("    {example}"));
    }
    for note in notes {
        console.line(&format!("  note: {note}"));
    }
}
