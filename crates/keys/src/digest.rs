use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::id::push_hex;

/// The secret that sensitive ids are digested with.
///
/// All processes that share keys need the same one; with another, the old keys are not found.
/// Give at least 16 random bytes: an e-mail address under a secret that can be guessed can be
/// guessed too.
#[derive(Clone)]
pub struct DigestKey {
    /// Keyed once; a digest starts from a copy and saves two rounds of the hash.
    keyed: Hmac<Sha256>,
}

impl DigestKey {
    /// Takes the secret.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "RFC 2104 defines HMAC for keys of every length"
    )]
    pub fn new(secret: &[u8]) -> Self {
        let keyed = Hmac::new_from_slice(secret).expect("HMAC takes keys of every length");
        Self { keyed }
    }

    /// Appends 32 hexadecimal digits: the first half of the HMAC-SHA256 of the parts.
    pub(crate) fn write(&self, parts: &[&[u8]], out: &mut Vec<u8>) {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(part);
        }
        // 128 bits: two ids collide by chance only after some 2^64 of them.
        let bytes = mac.finalize().into_bytes();
        push_hex(&bytes[..16], |digit| out.push(digit));
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests;
