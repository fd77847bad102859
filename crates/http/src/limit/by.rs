//! What a limit is counted by.

use std::{fmt, sync::Arc};

use http::{HeaderName, header::AUTHORIZATION, request::Parts};
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
    Header(HeaderName),
    Route,
    Custom(Custom),
}

/// Whom requests are counted for that say a header several times; no digest reads like this.
const SEVERAL: &str = "several";

type Custom = Arc<dyn Fn(&Parts) -> Option<Subject> + Send + Sync>;

impl LimitBy {
    /// The client's address, an IPv6 one by its /64.
    ///
    /// Requests of which the server does not say where they come from are counted as one client.
    #[must_use]
    pub const fn client_address() -> Self {
        Self(Extract::Client)
    }

    /// The bearer token; a request without one is not counted. Those with several are counted as one client,
    /// since nobody knows which of them is believed behind this.
    ///
    /// Only a digest of it gets into keys. Put the layer behind the one that verifies tokens:
    /// in front of it every made-up token would have a limit of its own.
    #[must_use]
    pub const fn bearer() -> Self {
        Self(Extract::Bearer)
    }

    /// The value of a header, such as an API key; a request without it is not counted. Those with several are
    /// counted as one client, since nobody knows which of them is believed behind this.
    ///
    /// Only a digest of it gets into keys. What anybody may make up, limits nobody: put the layer behind
    /// the one that verifies it.
    #[must_use]
    pub const fn header(name: HeaderName) -> Self {
        Self(Extract::Header(name))
    }

    /// The route that matched, as it is declared: one count for all who call it.
    ///
    /// With axum and a layer put on by `route_layer`; all requests without a route are one.
    #[must_use]
    pub const fn route() -> Self {
        Self(Extract::Route)
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
            Extract::Bearer if is_repeated(&AUTHORIZATION, parts) => Some(Subject::from(SEVERAL)),
            // More spaces than one make no other token of it.
            Extract::Bearer => Some(digest(token::bearer(&parts.headers)?.trim_ascii())),
            Extract::Header(name) if is_repeated(name, parts) => Some(Subject::from(SEVERAL)),
            Extract::Header(name) => Some(digest(parts.headers.get(name)?.as_bytes())),
            Extract::Route => Some(Subject::from(&*super::endpoint(&parts.extensions))),
            Extract::Custom(subject) => subject(parts),
        }
    }
}

fn is_repeated(name: &HeaderName, parts: &Parts) -> bool {
    1 < parts.headers.get_all(name).iter().count()
}

fn digest(secret: &[u8]) -> Subject {
    let digest: [u8; 32] = Sha256::digest(secret).into();
    let half = digest.first_chunk::<16>().copied().unwrap_or_default();
    Subject::from(format!("{:032x}", u128::from_be_bytes(half)))
}

impl fmt::Debug for LimitBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Extract::Client => "LimitBy::client_address",
            Extract::Bearer => "LimitBy::bearer",
            Extract::Header(_) => "LimitBy::header",
            Extract::Route => "LimitBy::route",
            Extract::Custom(_) => "LimitBy::custom",
        })
    }
}
