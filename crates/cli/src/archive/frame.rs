//! Frames: kind, length, body, and a digest of everything up to there.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// What every file begins with.
pub(super) const MAGIC: &[u8] = b"redstart backup\n";
/// No body is longer; what claims to be is damaged.
const LONGEST: usize = 1 << 30;
const DIGEST: usize = 32;

/// What a frame holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Header,
    Chunk,
    Trailer,
}

/// The digest of all frames so far: it stands behind each, so that none can change, go or change places.
#[derive(Clone, Debug)]
pub(super) struct Chain([u8; DIGEST]);

/// Why there is no further frame.
#[derive(Debug)]
pub(super) enum Broken {
    /// The file ends within it: whoever wrote it was cut.
    Torn,
    /// It is not as it was written.
    Damaged(&'static str),
    Io(io::Error),
}

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Header => b'H',
            Self::Chunk => b'C',
            Self::Trailer => b'T',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [Self::Header, Self::Chunk, Self::Trailer].into_iter().find(|kind| kind.letter() == letter)
    }
}

impl Chain {
    pub(super) fn new() -> Self {
        Self(Sha256::digest(MAGIC).into())
    }

    /// The digest as people compare it.
    pub(super) fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn follow(&self, head: [u8; 5], body: &[u8]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(head).chain_update(body).finalize().into())
    }
}

/// Writes a frame; answers how many bytes it takes.
pub(super) fn write(out: &mut impl Write, chain: &mut Chain, kind: Kind, body: &[u8]) -> io::Result<u64> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a chunk takes more than 1 GiB"))?;
    let mut head = [kind.letter(), 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_le_bytes());
    *chain = chain.follow(head, body);
    out.write_all(&head)?;
    out.write_all(body)?;
    out.write_all(&chain.0)?;
    Ok((head.len() + body.len() + DIGEST) as u64)
}

/// Reads the next frame; none where the file ends before it.
pub(super) fn read(input: &mut impl Read, chain: &mut Chain) -> Result<Option<(Kind, Vec<u8>)>, Broken> {
    let mut head = [0; 5];
    match input.read(&mut head[..1]).map_err(Broken::Io)? {
        0 => return Ok(None),
        _ => input.read_exact(&mut head[1..]).map_err(Broken::of)?,
    }
    let [letter, length @ ..] = head;
    let kind = Kind::of(letter).ok_or(Broken::Damaged("no kind of frame begins like this"))?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(Broken::Damaged("it claims to be longer than any frame is"));
    }
    // The length is not trusted with memory before that much has been read.
    let mut body = Vec::new();
    let taken = input.by_ref().take(length as u64).read_to_end(&mut body).map_err(Broken::Io)?;
    if taken < length {
        return Err(Broken::Torn);
    }
    let mut digest = [0; DIGEST];
    input.read_exact(&mut digest).map_err(Broken::of)?;
    let next = chain.follow(head, &body);
    if next.0 != digest {
        return Err(Broken::Damaged("its content does not match its checksum"));
    }
    *chain = next;
    Ok(Some((kind, body)))
}

impl Broken {
    fn of(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Torn } else { Self::Io(error) }
    }
}
