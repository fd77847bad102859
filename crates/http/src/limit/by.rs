//! What a limit is counted by.

use std::{fmt, sync::Arc};

use http::request::Parts;
use redstart_ratelimit::Subject;
use sha2::{Digest as _, Sha256};

use crate::{ClientAddress, token};

/// What a limit is counted by.
#[derive(Clone)]
pub struct LimitBy(Extract);

#[derive(Clone)]
enum Extract {
    Client,
    Bearer,
    Custom(Custom),
}

type Custom = Arc<dyn Fn(&Parts) -> Option<Subject> + Send + Sync>;

impl LimitBy {
    /// The client's address, an IPv6 one by its /64.
    ///
    /// Requests of which the server does not say where they come from are counted as one client.
    #[must_use]
    pub const fn client_address() -> Self {
        Self(Extract::Client)
    }

    /// The bearer token; a request without one is not counted.
    ///
    /// Only a digest of it gets into keys. Put the layer behind the one that verifies tokens:
    /// in front of it every made-up token would have a limit of its own.
    #[must_use]
    pub const fn bearer() -> Self {
        Self(Extract::Bearer)
    }

    /// What an earlier layer left in the extensions, such as the user; a request without it is not counted.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(
        subject: impl Fn(&T) -> Subject + Send + Sync + 'static,
    ) -> Self {
        Self::custom(move |parts| parts.extensions.get::<T>().map(&subject))
    }

    /// Whatever `subject` makes of the request; where it answers none, the request is not counted.
    #[must_use]
    pub fn custom(subject: impl Fn(&Parts) -> Option<Subject> + Send + Sync + 'static) -> Self {
        Self(Extract::Custom(Arc::new(subject)))
    }

    pub(super) fn subject(&self, parts: &Parts) -> Option<Subject> {
        match &self.0 {
            Extract::Client => Some(match parts.extensions.get::<ClientAddress>() {
                Some(client) => Subject::from(client.ip()),
                None => Subject::from("unknown"),
            }),
            Extract::Bearer => {
                let digest: [u8; 32] = Sha256::digest(token::bearer(&parts.headers)?).into();
                let half = digest.first_chunk::<16>().copied().unwrap_or_default();
                Some(Subject::from(format!("{:032x}", u128::from_be_bytes(half))))
            }
            Extract::Custom(subject) => subject(parts),
        }
    }
}

impl fmt::Debug for LimitBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Extract::Client => "LimitBy::client_address",
            Extract::Bearer => "LimitBy::bearer",
            Extract::Custom(_) => "LimitBy::custom",
        })
    }
}
