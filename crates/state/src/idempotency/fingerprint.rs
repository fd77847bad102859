//! What was asked for, in a few bytes.

use sha2::{Digest as _, Sha256};

/// What was asked for, in a few bytes: the SHA-256 of its parts.
///
/// ```
/// use redstart_state::Fingerprint;
///
/// assert_ne!(Fingerprint::of(&[b"ab", b"c"]), Fingerprint::of(&[b"a", b"bc"]));
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of these parts, in their order.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
