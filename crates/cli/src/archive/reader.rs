//! Reading a backup: all of it is checked before anything of it is used.

use std::{
    fs::File,
    io::{BufReader, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    ArchiveError, FORM, Header, Record, Totals, chunk,
    frame::{self, Broken, Chain, Kind, MAGIC},
};

/// A whole backup whose checksums are right.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: BufReader<File>,
    header: Header,
    totals: Totals,
    chunks: Vec<Place>,
    digest: String,
    length: u64,
}

/// Where a chunk begins, and the digest of all before it.
#[derive(Debug)]
struct Place {
    at: u64,
    chain: Chain,
}

impl Archive {
    /// Opens a backup and checks every byte of it; `on_progress` hears how many bytes were read of how many.
    ///
    /// # Errors
    ///
    /// Fails when it can't be read, is no backup, is damaged, or has no end.
    pub fn open(path: &Path, mut on_progress: impl FnMut(u64, u64)) -> Result<Self, ArchiveError> {
        let failed = |source| ArchiveError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::with_capacity(1 << 16, file);
        let (header, mut chain) = header(path, &mut file)?;
        let mut chunks = Vec::new();
        let mut keys = 0;
        loop {
            let at = file.stream_position().map_err(failed)?;
            on_progress(at, length);
            let damaged =
                |what: &str| ArchiveError::Damaged { path: path.to_owned(), at, what: what.to_owned() };
            let before = chain.clone();
            match frame::read(&mut file, &mut chain) {
                Ok(Some((Kind::Chunk, body))) => {
                    let records = chunk::records(body).ok_or_else(|| damaged("its records can't be read"))?;
                    keys += records.len() as u64;
                    chunks.push(Place { at, chain: before });
                }
                Ok(Some((Kind::Trailer, body))) => {
                    let totals: Totals =
                        serde_json::from_slice(&body).map_err(|_| damaged("the totals can't be read"))?;
                    if (totals.keys, totals.chunks) != (keys, chunks.len() as u64) {
                        return Err(damaged("there are not as many keys as it says at its end"));
                    }
                    if file.stream_position().map_err(failed)? != length {
                        return Err(damaged("something follows its end"));
                    }
                    let digest = chain.to_hex();
                    return Ok(Self { path: path.to_owned(), file, header, totals, chunks, digest, length });
                }
                Ok(Some((Kind::Header, _))) => return Err(damaged("it has two headers")),
                Ok(None) | Err(Broken::Torn) => {
                    return Err(ArchiveError::Unfinished { path: path.to_owned(), keys });
                }
                Err(Broken::Damaged(what)) => return Err(damaged(what)),
                Err(Broken::Io(source)) => return Err(failed(source)),
            }
        }
    }

    /// What it says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How much it holds.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// The SHA-256 chain over all frames, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The length of the file in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many chunks there are.
    #[must_use]
    pub const fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// The records of a chunk, in the order in which they were met.
    ///
    /// # Errors
    ///
    /// Fails when the file was changed since it was opened, or there is no such chunk.
    pub fn records(&mut self, number: usize) -> Result<Vec<Record>, ArchiveError> {
        let Some(Place { at, chain }) = self.chunks.get(number) else { return Ok(Vec::new()) };
        let (at, mut chain) = (*at, chain.clone());
        let damaged = || ArchiveError::Damaged {
            path: self.path.clone(),
            at,
            what: "it was changed since it was opened".to_owned(),
        };
        let sought = self.file.seek(SeekFrom::Start(at));
        sought.map_err(|source| ArchiveError::Io { path: self.path.clone(), source })?;
        match frame::read(&mut self.file, &mut chain) {
            Ok(Some((Kind::Chunk, body))) => chunk::records(body).ok_or_else(damaged),
            _ => Err(damaged()),
        }
    }
}

/// Reads what every file begins with.
pub(super) fn header(path: &Path, input: &mut impl Read) -> Result<(Header, Chain), ArchiveError> {
    let foreign = |what: &str| ArchiveError::Foreign { path: path.to_owned(), what: what.to_owned() };
    let mut magic = [0; MAGIC.len()];
    if input.read_exact(&mut magic).is_err() || magic != MAGIC {
        return Err(foreign("it does not begin like one"));
    }
    let mut chain = Chain::new();
    let Ok(Some((Kind::Header, body))) = frame::read(input, &mut chain) else {
        return Err(foreign("its header is not whole"));
    };
    let form = serde_json::from_slice::<serde_json::Value>(&body).ok();
    let form = form.and_then(|header| header.get("form")?.as_u64());
    if form.is_none_or(|form| form > u64::from(FORM)) {
        return Err(foreign("a newer version has written it; read it with that one"));
    }
    let header = serde_json::from_slice(&body).map_err(|_| foreign("its header can't be read"))?;
    Ok((header, chain))
}

/// The digest of all frames before `end`.
pub(super) fn chain_until(path: &Path, file: &File, end: u64) -> Result<Chain, ArchiveError> {
    let failed = |source| ArchiveError::Io { path: path.to_owned(), source };
    let mut file = file;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut input = BufReader::new(file);
    let (_, mut chain) = header(path, &mut input)?;
    while input.stream_position().map_err(failed)? < end {
        let frame = frame::read(&mut input, &mut chain);
        if !matches!(frame, Ok(Some(_))) {
            break;
        }
    }
    Ok(chain)
}
