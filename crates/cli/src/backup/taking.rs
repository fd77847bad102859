//! Taking a backup.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use redstart_connection::Store;
use serde::Serialize;
use tokio::time::sleep;

use super::{
    Args,
    walk::{Names, Walk},
};
use crate::{
    Failure,
    archive::{Chosen, Header, Name, Position, Record, Selection, Writer},
    batches::Batches,
    wire::{Dump, Dumped, Identified, Patience},
};

/// Clocks that differ by more than this are worth a note.
const AHEAD: i64 = 1_000;
/// Snapshots are to be taken daily.
const SNAPSHOT: Duration = Duration::from_secs(26 * 3_600);

/// How far a backup is.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Taken {
    /// Keys so far.
    pub keys: u64,
    /// Keys that the servers have, where everything is taken.
    pub of: Option<u64>,
}

/// What a backup did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Backup {
    /// The file; none of a dry run.
    pub file: Option<PathBuf>,
    /// How many keys it holds; of a dry run, would hold.
    pub keys: u64,
    /// How many keys of which category this run has met.
    pub categories: Vec<Counted>,
    /// Bytes of names and values.
    pub bytes: u64,
    /// Bytes of the file.
    pub length: Option<u64>,
    /// The digest over everything in it.
    pub digest: Option<String>,
    /// How many keys were written before, by the run that was cut.
    pub resumed_at: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// Keys of one category.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Counted {
    /// Its name; `other` for keys of other programs.
    pub category: &'static str,
    /// How many.
    pub keys: u64,
}

/// Takes a backup of `store` as `args` say; `on_progress` hears how far it is after each step.
///
/// # Errors
///
/// Fails when the server does not answer for longer than it is waited for, or refuses; and when the file can't
/// be written.
///
/// # Cancel safety
///
/// If this is dropped midway the file with `.part` keeps what was written until then.
pub async fn take(
    store: &Store,
    args: &Args,
    mut on_progress: impl FnMut(Taken) + Send,
) -> Result<Backup, Failure> {
    let began = store.clock().instant();
    let patience = Patience(args.patience);
    let mut writer = None;
    let (mut chosen, mut from) = (args.selection.choose()?, Position::default());
    if args.resume {
        let (resumed, header, position) = Writer::resume(&args.file)?;
        check_source(store, &header)?;
        chosen = Chosen::remembered(&header.patterns, &header.left_out)?;
        (writer, from) = (Some(resumed), position);
    }
    let mut walk = Walk::begin(store, chosen.patterns(), patience, &from).await?;
    if writer.is_none() && !args.dry_run {
        writer = Some(Writer::create(&args.file, &header(store, &chosen, &walk), args.force)?);
    }
    let resumed_at = writer.as_ref().map_or(0, Writer::keys);
    let mut run = Run { store, patience, pace: Pace::new(store, args.rate), batches: Batches::default() };
    let mut counts = BTreeMap::new();
    let mut taken = Taken { keys: resumed_at, of: of(store, &chosen, &walk) };
    loop {
        let before = walk.position();
        let Some(Names { names, pattern, ahead }) = walk.next().await? else { break };
        let mut wanted = Vec::with_capacity(names.len());
        for wire in names {
            let name = Name::of(store.prefix(), &wire);
            let is_taken = |name: &Name| chosen.keeps(name) && chosen.is_first(pattern, name, store.prefix());
            if let Some(name) = name.filter(is_taken) {
                *counts.entry(name.category().map_or("other", |category| category.name())).or_insert(0) += 1;
                wanted.push((name, wire));
            }
        }
        let Some(writer) = &mut writer else {
            taken.keys += wanted.len() as u64;
            on_progress(taken);
            continue;
        };
        while !wanted.is_empty() {
            let batch = wanted.split_off(wanted.len().saturating_sub(run.batches.size()));
            for record in run.dump(batch, ahead).await? {
                writer.push(&record);
            }
            taken.keys = writer.keys();
            on_progress(taken);
            if writer.is_overdue() {
                writer.flush(&before)?;
            }
        }
        if writer.is_due() {
            walk.settle().await?;
            writer.flush(&walk.position())?;
        }
    }
    let notes = notes(&walk, store.clock().now().as_millis());
    let mut backup = Backup {
        keys: taken.keys,
        categories: counts.into_iter().map(|(category, keys)| Counted { category, keys }).collect(),
        resumed_at,
        notes,
        ..Backup::default()
    };
    if let Some(mut writer) = writer {
        writer.flush(&walk.position())?;
        let (totals, length, digest) = writer.finish()?;
        (backup.keys, backup.bytes) = (totals.keys, totals.bytes);
        (backup.file, backup.length, backup.digest) = (Some(args.file.clone()), Some(length), Some(digest));
    }
    let took = store.clock().instant().duration_since(began);
    backup.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(backup)
}

/// What reading values needs.
struct Run<'a> {
    store: &'a Store,
    patience: Patience,
    pace: Pace<'a>,
    batches: Batches,
}

impl Run<'_> {
    /// Reads the values of some names; those that have ended meanwhile are left out.
    async fn dump(&mut self, batch: Vec<(Name, bytes::Bytes)>, ahead: i64) -> Result<Vec<Record>, Failure> {
        let (names, wires): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        self.pace.keep(wires.len()).await;
        let dumped = self.patience.run(self.store, &Dump { names: wires }).await?;
        let records: Vec<_> = names
            .into_iter()
            .zip(dumped)
            .filter_map(|(name, dumped)| {
                let Dumped { expires_at, payload } = dumped?;
                let expires_at = expires_at.map(|end| end.saturating_add_signed(-ahead));
                Some(Record { name, expires_at, payload })
            })
            .collect();
        self.batches.learn(records.len(), records.iter().map(Record::len).sum());
        Ok(records)
    }
}

/// So many keys a second at most.
struct Pace<'a> {
    store: &'a Store,
    rate: Option<u32>,
    due: std::time::Instant,
}

impl<'a> Pace<'a> {
    fn new(store: &'a Store, rate: Option<u32>) -> Self {
        Self { store, rate, due: store.clock().instant() }
    }

    async fn keep(&mut self, keys: usize) {
        let Some(rate) = self.rate.filter(|rate| *rate > 0) else { return };
        let now = self.store.clock().instant();
        sleep(self.due.saturating_duration_since(now)).await;
        let share = u32::try_from(keys).unwrap_or(u32::MAX);
        self.due = self.due.max(now) + Duration::from_secs(1) * share / rate;
    }
}

fn header(store: &Store, chosen: &Chosen, walk: &Walk<'_>) -> Header {
    Header {
        form: crate::archive::FORM,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        begun_at: store.clock().now().as_millis(),
        source: store.describe().to_owned(),
        server: walk.servers().first().map(|server| server.server.clone()).unwrap_or_default(),
        prefix: store.prefix().to_string(),
        patterns: chosen.patterns().iter().map(ToString::to_string).collect(),
        left_out: chosen.left_out(),
    }
}

/// Refuses to go on with the backup of another place.
fn check_source(store: &Store, header: &Header) -> Result<(), Failure> {
    let here = (store.describe(), store.prefix().as_str());
    if here == (header.source.as_str(), header.prefix.as_str()) {
        return Ok(());
    }
    let shown = |(source, prefix): (&str, &str)| format!("{source} with the prefix `{prefix}`");
    let there = shown((&header.source, &header.prefix));
    Err(Failure::usage(format!("the backup was begun on {there}, and this is {}", shown(here)))
        .with_remedy("name the server that it was begun on, or begin anew with --force"))
}

/// How many keys there are to take, where that is all of them.
fn of(store: &Store, chosen: &Chosen, walk: &Walk<'_>) -> Option<u64> {
    let everything = Selection::default().choose().ok()?;
    let takes_all = store.prefix().is_empty() && chosen.patterns() == everything.patterns();
    takes_all.then(|| walk.servers().iter().map(|server| server.keys).sum::<Option<u64>>()).flatten()
}

fn notes(walk: &Walk<'_>, now: u64) -> Vec<String> {
    let mut notes: Vec<_> = walk.servers().iter().flat_map(|server| notes_on(server, now)).collect();
    if walk.begun_again() > 0 {
        notes.push(format!(
            "a server was replaced {} times meanwhile, and walked again: some keys are in the file twice, \
             of which the later one counts",
            walk.begun_again()
        ));
    }
    notes
}

/// What is worth knowing of a server; `now` is in milliseconds since 1970.
fn notes_on(server: &Identified, now: u64) -> Vec<String> {
    let Identified { address, ahead, last_snapshot, .. } = server;
    let clock = match ahead {
        None => Some(format!(
            "{address} does not tell its time: TTLs are right as far as its clock is that of this machine"
        )),
        Some(ahead) if ahead.abs() > AHEAD => Some(format!(
            "the clock of {address} is {} ms {} this machine's; TTLs are kept by this machine's",
            ahead.abs(),
            if *ahead > 0 { "ahead of" } else { "behind" }
        )),
        Some(_) => None,
    };
    let age = last_snapshot.map(|at| Duration::from_secs((now / 1_000).saturating_sub(at)));
    let snapshot = age.filter(|age| *age > SNAPSHOT).map(|age| {
        let hours = age.as_secs() / 3_600;
        format!("the last snapshot of {address} is {hours} hours old, and it keeps no append-only file")
    });
    clock.into_iter().chain(snapshot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(ahead: Option<i64>, snapshot_age: Option<u64>) -> Vec<String> {
        let now = 1_700_000_000;
        let last_snapshot = snapshot_age.map(|age| now - age);
        let server = Identified { address: "a:1".into(), ahead, last_snapshot, ..Identified::default() };
        notes_on(&server, now * 1_000)
    }

    #[test]
    fn odd_clock_and_old_snapshot_are_noted() {
        assert!(noted(Some(20), Some(3_600)).is_empty());
        assert!(noted(Some(20), None).is_empty(), "an append-only file is kept instead");
        assert!(noted(Some(-5_000), None)[0].contains("5000 ms behind"));
        assert!(noted(None, None)[0].contains("does not tell its time"));
        assert!(noted(Some(0), Some(27 * 3_600))[0].contains("27 hours old"));
    }
}
