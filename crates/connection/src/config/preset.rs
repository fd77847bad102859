//! What an environment tolerates.

/// What an environment tolerates.
///
/// A preset changes no number: a time-out that holds in production alone would be tested by nobody.
/// It decides what is an error, what is a warning and what is fine.
///
/// | | development | staging | production |
/// | --- | --- | --- | --- |
/// | no server is named, and `memory` is not asked for | fine | warning | error |
/// | plain text to another machine | fine[^1] | warning | error |
/// | no password and no client certificate | fine | warning | error |
/// | no prefix, no login at the sentinels | fine | warning | warning |
/// | no digest secret | fine | warning | warning |
///
/// [`Config::allow_insecure`] turns the errors about plain text and passwords into warnings.
/// Without a preset nothing is refused, and what endangers secrets is warned of.
///
/// Plain text is fine to this machine itself and over sockets: nobody else hears it, and it is how a
/// proxy that encrypts is reached. A password is asked for there too, except over sockets, whose file
/// permissions say who may come in.
///
/// [^1]: A warning when the host is public by its name or number.
///
/// ```
/// use redstart_connection::{Config, Preset};
///
/// # fn main() -> Result<(), redstart_connection::ConfigError> {
/// let config = Config::from_url("redis://cache.example.org")?.with_preset(Preset::Production);
/// let refused = config.validate().expect_err("neither TLS nor a password");
/// assert_eq!(refused.problems().len(), 2);
/// # Ok(()) }
/// ```
///
/// [`Config::allow_insecure`]: crate::Config::allow_insecure
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Preset {
    /// On the developer's machine and in tests.
    Development,
    /// As production, but what that would refuse is a warning.
    Staging,
    /// Where users are.
    Production,
}

impl Preset {
    pub(super) const NAMES: &'static str = "`development`, `staging` or `production`";

    /// The preset of an environment by that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "development" | "dev" | "local" | "test" => Some(Self::Development),
            "staging" | "stage" => Some(Self::Staging),
            "production" | "prod" => Some(Self::Production),
            _ => None,
        }
    }

    /// Its name, as `ENVIRONMENT` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}
