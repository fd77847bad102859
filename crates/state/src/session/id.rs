//! What opens a session.

use std::{fmt, str::FromStr};

use crate::{
    InvalidSecret,
    secret::{Digest, Secret},
};

/// What opens a session: a secret of 128 random bits, which belongs into a cookie that is `HttpOnly`,
/// `Secure` and `SameSite`.
///
/// The server keeps a digest, so whoever reads the server opens no session. It is not shown by `Debug`;
/// `Display` writes it.
#[derive(Clone, Eq, PartialEq)]
pub struct SessionId(pub(super) Secret);

impl SessionId {
    /// What the server keeps of it; it names the session, and opens nothing.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(***)")
    }
}

impl FromStr for SessionId {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        text.parse().map(Self)
    }
}
