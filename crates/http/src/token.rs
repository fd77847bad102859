//! The token behind which administration stands.

use std::{env, fmt, hint::black_box, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};

/// The fewest bytes that a token may have.
const MIN_BYTES: usize = 16;

/// The bearer token that administrators show.
///
/// Without one, everything behind it is refused: nothing is ever open by default.
///
/// ```
/// use redstart_http::AdminToken;
///
/// assert!(AdminToken::new("correct horse battery").is_err());
/// let token = AdminToken::new("gX7-4fQz1mWb0dKe8sRt")?;
/// assert_eq!(format!("{token:?}"), "AdminToken(***)");
/// # Ok::<(), redstart_http::WeakToken>(())
/// ```
#[derive(Clone)]
pub struct AdminToken {
    digest: Option<[u8; 32]>,
    hosts: Arc<[String]>,
}

/// A text that is too weak to be a token, or cannot be sent as one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a token needs at least {MIN_BYTES} visible ASCII characters without spaces")]
#[non_exhaustive]
pub struct WeakToken;

impl AdminToken {
    /// Asks for this token.
    ///
    /// # Errors
    ///
    /// Refuses fewer than 16 characters, and all that are not visible ASCII.
    pub fn new(token: &str) -> Result<Self, WeakToken> {
        if token.len() < MIN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WeakToken);
        }
        Ok(Self { digest: Some(Sha256::digest(token).into()), hosts: Arc::default() })
    }

    /// Lets nobody in.
    #[must_use]
    pub fn none() -> Self {
        Self { digest: None, hosts: Arc::default() }
    }

    /// Takes changes under these host names too. Defaults to addresses and `localhost` alone.
    ///
    /// A page of somebody else can have a name of its own lead here; under an unknown name nothing is
    /// changed, whoever asks.
    #[must_use]
    pub fn for_hosts(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { hosts: names.into_iter().map(Into::into).collect(), ..self }
    }

    #[cfg(feature = "axum")]
    pub(crate) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Asks for the token in this environment variable; lets nobody in when it is not set.
    ///
    /// # Errors
    ///
    /// Fails when the variable holds a weak token.
    pub fn from_env(variable: &str) -> Result<Self, WeakToken> {
        match env::var(variable) {
            Ok(token) => Self::new(&token),
            Err(env::VarError::NotPresent) => Ok(Self::none()),
            Err(env::VarError::NotUnicode(_)) => Err(WeakToken),
        }
    }

    /// Whether these headers show the token.
    ///
    /// How long it takes says nothing of the token.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let (Some(expected), Some(shown)) = (&self.digest, bearer(headers)) else { return false };
        let shown: [u8; 32] = Sha256::digest(shown).into();
        let difference =
            expected.iter().zip(&shown).fold(0, |difference, (left, right)| difference | (left ^ right));
        black_box(difference) == 0
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.digest.is_some() { "AdminToken(***)" } else { "AdminToken(none)" })
    }
}

/// The bearer token of a request; none if there is none, or more than one `Authorization`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
