//! Who logs in, and how a new secret takes the old one's place.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};

use crate::BoxFuture;

/// A user name and a secret.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: SecretString,
}

impl Credentials {
    /// The password of the server's default user.
    #[must_use]
    pub fn password(password: impl Into<String>) -> Self {
        Self { username: None, password: SecretString::from(password.into()) }
    }

    /// A user of the server's access control list.
    #[must_use]
    pub fn user(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: Some(username.into()), ..Self::password(password) }
    }

    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.username == other.username && self.password.expose_secret() == other.password.expose_secret()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).field("password", &"***").finish()
    }
}

/// Where credentials come from when they change while the service runs.
///
/// They are asked for at every connect, and every [`CredentialsProvider::interval`]. When they have
/// changed, living connections log in anew; one that can't is replaced.
///
/// ```
/// use redstart_connection::{BoxFuture, Config, Credentials, CredentialsProvider};
///
/// /// Signs a token of its own for each connection.
/// struct Signer;
///
/// impl CredentialsProvider for Signer {
///     fn credentials(&self) -> BoxFuture<'_, std::io::Result<Credentials>> {
///         Box::pin(async { Ok(Credentials::user("app", "a token that was signed just now")) })
///     }
/// }
///
/// # fn main() -> Result<(), redstart_connection::ConfigError> {
/// let config = Config::from_url("rediss://cache.example.org")?.with_credentials(Signer);
/// # Ok(()) }
/// ```
pub trait CredentialsProvider: Send + Sync + 'static {
    /// The credentials that hold now.
    ///
    /// # Errors
    ///
    /// While it fails no new connection can be made; living ones stay. The error must not hold a secret:
    /// it is logged.
    fn credentials(&self) -> BoxFuture<'_, io::Result<Credentials>>;

    /// How often to ask whether they have changed. Defaults to 30 seconds.
    fn interval(&self) -> Duration {
        Duration::from_secs(30)
    }
}

/// A password in a file, as orchestrators mount secrets; white space at its ends does not count.
#[derive(Clone, Debug)]
pub struct PasswordFile {
    path: PathBuf,
    username: Option<String>,
    interval: Duration,
}

impl PasswordFile {
    /// The password in the file at `path`, read again every 30 seconds.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), username: None, interval: Duration::from_secs(30) }
    }

    /// Logs in as a user of the server's access control list. Defaults to the server's default user.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// How often the file is read again. Defaults to 30 seconds.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}

impl CredentialsProvider for PasswordFile {
    fn credentials(&self) -> BoxFuture<'_, io::Result<Credentials>> {
        // A mounted secret is a few bytes in memory; reading it takes no longer than asking a thread to.
        let read = std::fs::read_to_string(&self.path);
        Box::pin(async move {
            let text = read.map_err(|error| {
                io::Error::new(error.kind(), format!("the password file {}: {error}", self.path.display()))
            })?;
            Ok(Credentials { username: self.username.clone(), ..Credentials::password(text.trim()) })
        })
    }

    fn interval(&self) -> Duration {
        self.interval
    }
}
