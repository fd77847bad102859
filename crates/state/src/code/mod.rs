//! Codes that prove an address: six digits by e-mail or telephone.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use hmac::{Hmac, KeyInit as _, Mac as _};
use redstart_connection::{Error, Store};
use redstart_keys::{Entity, Id, Key, Ttl};
use sha2::Sha256;

use crate::{
    Digest,
    operations::{CodeRule, IssueCode, Issued, Verdict, VerifyCode, VoidCode},
    secret::random,
};

/// Codes that prove an address: a few digits that are sent there, and typed in.
///
/// Only a digest under a secret reaches the store, of the code and of where it was sent (let the
/// declaration be `sensitive`). Comparison, attempts and the end of the code are one step, so that no number
/// of guesses at the same time gets more attempts than one after the other. With the defaults, five codes of
/// six digits an hour with five attempts each, a guesser has one chance in 40,000 an hour.
///
/// While the store does not answer, nothing is issued and nothing verified.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use redstart_state::{Codes, Sent, Verdict};
///
/// const EMAIL: Entity<TextId> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let codes = Codes::new(&Store::memory(), &EMAIL, b"from the secrets of the service");
/// let ada = TextId::new("ada@example.com")?;
/// let Sent::Code(code) = codes.issue(&ada).await? else { return Ok(()) };
/// let mail = format!("Your code is {}.", code.reveal());
///
/// assert_eq!(codes.verify(&ada, "not it").await?, Verdict::Wrong { left: 4 });
/// assert_eq!(codes.verify(&ada, code.reveal()).await?, Verdict::Verified);
/// assert_eq!(codes.verify(&ada, code.reveal()).await?, Verdict::Expired);
/// # drop(mail);
/// # Ok(()) }
/// ```
pub struct Codes<I> {
    store: Store,
    entity: Entity<I>,
    secret: Hmac<Sha256>,
    digits: u32,
    rule: CodeRule,
}

/// A code to be sent; `Debug` does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct Code(String);

/// What came of asking for a code.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Sent {
    /// Send this one; an earlier one is void.
    Code(Code),
    /// Too many, or too soon: what was sent before stands.
    Wait {
        /// How long until another may be issued.
        retry_after: Duration,
    },
}

impl Code {
    /// The digits.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<I: Id + Sync> Codes<I> {
    /// Codes kept in `store` under the keys of `entity`, for as long as its TTL says; ten minutes where it
    /// has none.
    ///
    /// All processes need the same secret; with another one, codes that are under way are wrong. Give at
    /// least 16 random bytes: under a secret that can be guessed, a code can be found from its digest.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "RFC 2104 defines HMAC for keys of every length"
    )]
    pub fn new(store: &Store, entity: &Entity<I>, secret: &[u8]) -> Self {
        let ttl = entity.ttl().unwrap_or(Ttl::minutes(10));
        let rule = CodeRule { ttl, attempts: 5, pause: Ttl::seconds(30), window: Ttl::hours(1), most: 5 };
        let secret = Hmac::new_from_slice(secret).expect("HMAC takes keys of every length");
        Self { store: store.clone(), entity: *entity, secret, digits: 6, rule }
    }

    /// How many digits a code has, from 4 to 12. Defaults to 6.
    #[must_use]
    pub const fn digits(mut self, digits: u32) -> Self {
        self.digits = match digits {
            0..4 => 4,
            4..=12 => digits,
            _ => 12,
        };
        self
    }

    /// How many guesses a code allows, at least 1. Defaults to 5.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.rule.attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// How long to wait between two codes. Defaults to 30 seconds.
    #[must_use]
    pub const fn pause(mut self, pause: Ttl) -> Self {
        self.rule.pause = pause;
        self
    }

    /// How many codes are issued to one subject in a time. Defaults to 5 in an hour.
    #[must_use]
    pub const fn most(mut self, most: u32, within: Ttl) -> Self {
        (self.rule.most, self.rule.window) = (most, within);
        self
    }

    /// Makes a code for a subject, such as an address, in the place of an earlier one.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; nothing is to be sent then.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway an earlier code may be void.
    pub async fn issue(&self, subject: &I) -> Result<Sent, Error> {
        let (key, code) = (self.entity.key(subject), Code(digits(self.digits)));
        let digest = self.digest(&key, subject, &code.0);
        Ok(match self.store.run(&IssueCode::new(key, digest, self.rule)).await? {
            Issued::Issued => Sent::Code(code),
            Issued::Wait { retry_after } => Sent::Wait { retry_after },
        })
    }

    /// Compares what was typed in with the code of a subject, spaces and dashes aside.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer: nothing is verified then, and an attempt may be used up.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway an attempt, or the code, may be used up.
    pub async fn verify(&self, subject: &I, input: &str) -> Result<Verdict, Error> {
        let key = self.entity.key(subject);
        let guess: String = input.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let guess = self.digest(&key, subject, &guess);
        self.store.run(&VerifyCode::new(key, guess)).await
    }

    /// Voids the code of a subject and forgets what was counted; answers whether there was anything.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn void(&self, subject: &I) -> Result<bool, Error> {
        self.store.run(&VoidCode::new(self.entity.key(subject))).await
    }

    /// A digest that is good for one subject of one declaration.
    fn digest(&self, key: &Key, subject: &I, code: &str) -> Digest {
        // Written as a key that is not sensitive: the name that is sent may hold a digest already.
        let subject = Key::custom(key.category(), self.entity.name(), subject).to_string();
        let mut mac = self.secret.clone();
        for part in [subject.as_bytes(), code.as_bytes()] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        Digest::of_bytes(mac.finalize().into_bytes().into())
    }
}

/// Digits that are each as likely as every other.
fn digits(count: u32) -> String {
    let mut digits = String::new();
    while digits.len() < usize::try_from(count).unwrap_or(0) {
        // The last six values of a byte would favour the small digits.
        digits.extend(
            random::<32>().iter().filter(|byte| **byte < 250).map(|byte| char::from(b'0' + byte % 10)),
        );
    }
    digits.truncate(usize::try_from(count).unwrap_or(0));
    digits
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

impl<I> Clone for Codes<I> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), secret: self.secret.clone(), ..*self }
    }
}

impl<I> fmt::Debug for Codes<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entity, digits, rule, .. } = self;
        write!(f, "Codes({entity:?}, {digits} digits, {} attempts)", rule.attempts)
    }
}
