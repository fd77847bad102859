//! Signatures by the rules of Standard Webhooks.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What such secrets begin with when they are written as base64.
const PREFIX: &str = "whsec_";
/// Shorter ones could be guessed.
const SHORTEST: usize = 16;

/// What requests are signed with.
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    pub(super) fn new(secret: &str) -> Result<Self, &'static str> {
        let bytes = match secret.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| "is no base64 after whsec_")?,
            None => secret.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST {
            return Err("is too short; right would be 16 bytes or more");
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| "is of a length that nobody takes")
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let signed = self.0.clone().chain_update(format!("{id}.{seconds}.")).chain_update(body);
        format!("v1,{}", STANDARD.encode(signed.finalize().into_bytes()))
    }
}
