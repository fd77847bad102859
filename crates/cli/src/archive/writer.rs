//! Writing a backup, and going on with one that was cut.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    ArchiveError, Header, Position, Record, Totals,
    chunk::{self, Chunk},
    frame::{self, Broken, Chain, Kind, MAGIC},
    reader,
};

/// A chunk is written when it is about so long before compression.
const CHUNK: usize = 1 << 20;
/// A chunk does not wait for a good place to be cut any longer.
const LONG: usize = 8 << 20;

/// A backup that is being written: beside its place, under the same name with `.part`.
///
/// What was flushed survives a crash, and [`Writer::resume`] goes on behind it.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    place: PathBuf,
    part: PathBuf,
    chain: Chain,
    chunk: Chunk,
    totals: Totals,
    length: u64,
}

impl Writer {
    /// Begins a backup that will stand at `place`.
    ///
    /// Only its owner may read it, since it holds what the server holds.
    pub(crate) fn create(place: &Path, header: &Header, is_forced: bool) -> Result<Self, ArchiveError> {
        let part = part(place);
        for path in [place, &part] {
            if !is_forced && path.exists() {
                return Err(ArchiveError::Exists { path: path.to_owned() });
            }
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
        let mut writer = Self {
            file: file.map_err(|source| ArchiveError::Io { path: part.clone(), source })?,
            place: place.to_owned(),
            part,
            chain: Chain::new(),
            chunk: Chunk::default(),
            totals: Totals::default(),
            length: MAGIC.len() as u64,
        };
        writer.file.write_all(MAGIC).map_err(|error| writer.failed(error))?;
        let header = serde_json::to_vec(header).map_err(|error| writer.failed(error.into()))?;
        writer.write(Kind::Header, &header)?;
        Ok(writer)
    }

    /// Goes on with a backup that was cut; what was torn at its end is taken off.
    ///
    /// Answers with what its header says, and where the walk goes on.
    pub(crate) fn resume(place: &Path) -> Result<(Self, Header, Position), ArchiveError> {
        let part = part(place);
        let failed = |source| ArchiveError::Io { path: part.clone(), source };
        let file = OpenOptions::new().read(true).write(true).open(&part).map_err(failed)?;
        let mut input = BufReader::new(&file);
        let (header, mut chain) = reader::header(&part, &mut input)?;
        let (mut totals, mut position) = (Totals::default(), Position::default());
        let mut whole = input.stream_position().map_err(failed)?;
        loop {
            match frame::read(&mut input, &mut chain) {
                Ok(Some((Kind::Chunk, body))) => {
                    let read = chunk::position(body.clone()).zip(chunk::records(body));
                    let (place, records) = read.ok_or_else(|| ArchiveError::Damaged {
                        path: part.clone(),
                        at: whole,
                        what: "its records can't be read".to_owned(),
                    })?;
                    totals.chunks += 1;
                    totals.keys += records.len() as u64;
                    totals.bytes += records.iter().map(|record| record.len() as u64).sum::<u64>();
                    position = place;
                    whole = input.stream_position().map_err(failed)?;
                }
                Ok(_) | Err(Broken::Torn | Broken::Damaged(_)) => break,
                Err(Broken::Io(source)) => return Err(failed(source)),
            }
        }
        // The chain after the last whole chunk: what a torn frame has added is not there.
        let chain = reader::chain_until(&part, &file, whole)?;
        let mut file = file;
        file.set_len(whole).and_then(|()| file.seek(io::SeekFrom::Start(whole))).map_err(failed)?;
        let writer = Self {
            file,
            place: place.to_owned(),
            part,
            chain,
            chunk: Chunk::default(),
            totals,
            length: whole,
        };
        Ok((writer, header, position))
    }

    pub(crate) fn push(&mut self, record: &Record) {
        self.chunk.push(record);
    }

    /// Whether the next good place to cut is to be used.
    pub(crate) const fn is_due(&self) -> bool {
        self.chunk.len() >= CHUNK
    }

    /// Whether it is to be cut wherever it stands.
    pub(crate) const fn is_overdue(&self) -> bool {
        self.chunk.len() >= LONG
    }

    /// Writes what was pushed; a backup that is cut later goes on at `position`.
    pub(crate) fn flush(&mut self, position: &Position) -> Result<(), ArchiveError> {
        if self.chunk.len() == 0 {
            return Ok(());
        }
        let body = self.chunk.body(position).map_err(|error| self.failed(error))?;
        self.write(Kind::Chunk, &body)?;
        self.totals.keys += self.chunk.keys;
        self.totals.bytes += self.chunk.bytes;
        self.totals.chunks += 1;
        self.chunk.clear();
        Ok(())
    }

    /// Ends the backup and puts it in its place; answers how much it holds, how long it is, and its digest.
    pub(crate) fn finish(mut self) -> Result<(Totals, u64, String), ArchiveError> {
        let trailer = serde_json::to_vec(&self.totals).map_err(|error| self.failed(error.into()))?;
        self.write(Kind::Trailer, &trailer)?;
        self.file.sync_all().map_err(|error| self.failed(error))?;
        fs::rename(&self.part, &self.place).map_err(|error| self.failed(error))?;
        Ok((self.totals, self.length, self.chain.to_hex()))
    }

    /// What it holds so far, with what is not written yet.
    pub(crate) const fn keys(&self) -> u64 {
        self.totals.keys + self.chunk.keys
    }

    fn write(&mut self, kind: Kind, body: &[u8]) -> Result<(), ArchiveError> {
        let written = frame::write(&mut self.file, &mut self.chain, kind, body);
        self.length += written.map_err(|error| self.failed(error))?;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Io { path: self.part.clone(), source }
    }
}

/// Where a backup stands until it is whole.
pub(crate) fn part(place: &Path) -> PathBuf {
    let mut name = OsString::from(place);
    name.push(".part");
    name.into()
}
