//! Secrets that only their holder knows: the server keeps a digest, which opens nothing.

use std::{fmt, str::FromStr};

use redstart_keys::TextId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Characters of each half.
const HALF: usize = 32;

/// A secret in two halves: where its entry is kept, and what proves that one may have it.
///
/// As a text it is 65 characters: the place, a dot, 128 random bits, both in hexadecimal digits.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Secret {
    place: [u8; HALF],
    proof: [u8; HALF],
}

/// A text that is no such secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected hexadecimal digits: 32 for a digest, 32 and a dot and 32 more for a secret")]
pub struct InvalidSecret(());

impl Secret {
    /// A secret with a place of its own.
    pub(crate) fn anywhere() -> Self {
        Self { place: hex(random()), proof: hex(random()) }
    }

    /// A secret in the place of `owner`, where all of that owner's are.
    pub(crate) fn at(owner: &str) -> Self {
        Self { place: place_of(owner), proof: hex(random()) }
    }

    /// Another secret in the same place.
    pub(crate) fn beside(&self) -> Self {
        Self { place: self.place, proof: hex(random()) }
    }

    /// A secret that is made of a number which is one already.
    #[cfg(feature = "tower-sessions")]
    pub(crate) fn from_number(number: u128) -> Self {
        let proof = hex(number.to_be_bytes());
        Self { place: hex(digest(&[b"place", &proof])), proof }
    }

    /// Where the entry is kept, as an id of a key.
    pub(crate) fn place(&self) -> TextId {
        place_id(self.place)
    }

    /// What the server keeps in place of the proof.
    pub(crate) fn digest(&self) -> Digest {
        Digest(hex(digest(&[b"proof", &self.proof])))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", text(&self.place), text(&self.proof))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let (place, proof) = text.split_once('.').ok_or(InvalidSecret(()))?;
        let (place, proof) = half(place).zip(half(proof)).ok_or(InvalidSecret(()))?;
        Ok(Self { place, proof })
    }
}

/// Reads 32 hexadecimal digits as they are written here.
fn half(text: &str) -> Option<[u8; HALF]> {
    let half: [u8; HALF] = text.as_bytes().try_into().ok()?;
    half.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')).then_some(half)
}

/// The digest of a secret or of a code, 32 hexadecimal digits.
///
/// Digests are compared in constant time.
#[derive(Clone, Copy)]
pub struct Digest([u8; HALF]);

impl Digest {
    /// The digest whose first half the server keeps; 128 bits, that nobody finds by trying.
    pub(crate) fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(hex(first_half(&bytes)))
    }

    /// A digest of these parts, each with its length.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(hex(digest(parts)))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        text(&self.0)
    }
}

impl Digest {
    /// The digest as an id of a key.
    #[must_use]
    pub fn id(&self) -> TextId {
        place_id(self.0)
    }
}

impl FromStr for Digest {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        half(text).map(Self).ok_or(InvalidSecret(()))
    }
}

impl Eq for Digest {}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(***)")
    }
}

/// The place of an owner's secrets, as an id of a key.
pub(crate) fn owner_id(owner: &str) -> TextId {
    place_id(place_of(owner))
}

/// A token that nobody else ever has.
pub(crate) fn unique() -> String {
    text(&hex(random())).to_owned()
}

/// Random bytes that nobody can foretell.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "a system without random numbers can open no TLS connection either, and a guessable secret is worse"
    )]
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

fn place_of(owner: &str) -> [u8; HALF] {
    hex(digest(&[b"owner", owner.as_bytes()]))
}

#[expect(clippy::expect_used, reason = "32 hexadecimal digits are a valid id")]
fn place_id(place: [u8; HALF]) -> TextId {
    TextId::new(text(&place)).expect("hexadecimal digits need no escape")
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    first_half(&hash.finalize().into())
}

fn first_half(bytes: &[u8; 32]) -> [u8; 16] {
    bytes.first_chunk().copied().unwrap_or_default()
}

fn hex(bytes: [u8; 16]) -> [u8; HALF] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; HALF];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    digits
}

fn text(digits: &[u8; HALF]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_reads_what_it_writes_and_nothing_else() {
        let secret = Secret::at("user 7");
        let written = secret.to_string();
        assert_eq!(written.len(), 65);
        assert!(written.parse::<Secret>().unwrap() == secret);
        for wrong in ["", ".", "x.y", &written[1..], &written.to_uppercase(), &written.replace('.', ":")] {
            assert!(wrong.parse::<Secret>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_of_one_owner_share_a_place_and_nothing_more() {
        let (a, b, other) = (Secret::at("7"), Secret::at("7"), Secret::at("8"));
        assert_eq!(a.place(), b.place());
        assert_eq!(a.place(), owner_id("7"));
        assert_ne!(a.digest(), b.digest());
        assert_ne!(a.place(), other.place());
        assert_ne!(Secret::anywhere().place(), Secret::anywhere().place());
        assert!(a.beside().place() == a.place() && a.beside() != a);
    }

    #[test]
    fn digest_tells_parts_apart_and_is_not_shown() {
        assert_ne!(Digest::of(&[b"ab", b"c"]), Digest::of(&[b"a", b"bc"]));
        assert_eq!(format!("{:?}", Digest::of(&[b"a"])), "Digest(***)");
    }
}
