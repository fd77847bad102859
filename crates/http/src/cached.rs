//! What a response says of the cache that it came from.

use std::{fmt::Write as _, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AGE, CACHE_CONTROL},
};
use redstart_cache::{Cached, Source};

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_CACHE_TTL: HeaderName = HeaderName::from_static("x-cache-ttl");
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// `X-Cache` (`HIT`, `MISS` or `STALE`) and `X-Cache-TTL` (whole seconds that the value stays fresh); by
/// choice the standard fields `Cache-Status`, `Age` and `Cache-Control` too.
///
/// ```
/// use http::HeaderMap;
/// use redstart_cache::Cache;
/// use redstart_connection::Store;
/// use redstart_http::CacheHeaders;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = Cache::<u64, String>::builder(&Store::memory(), &USER).jitter(0.0).build();
/// users.set(&42, &"Ada".to_owned()).await?;
/// if let Some(user) = users.get(&42).await? {
///     let mut headers = HeaderMap::new();
///     CacheHeaders::of(&user).named("shop").private().apply(&mut headers);
///     assert_eq!(headers["x-cache"], "HIT");
///     assert!(headers["cache-status"].to_str()?.starts_with("shop; hit; ttl=3"));
///     assert!(headers["cache-control"].to_str()?.starts_with("private, max-age=3"));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CacheHeaders {
    outcome: Outcome,
    ttl: Option<Duration>,
    age: Option<Duration>,
    name: Option<&'static str>,
    audience: Option<Audience>,
    shows_age: bool,
}

/// How the value came about.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Hit(&'static str),
    /// A hit that was fresh until so long ago.
    Stale(&'static str, Duration),
    Miss,
}

/// Who may keep a response.
#[derive(Clone, Copy, Debug)]
enum Audience {
    Public,
    Private,
}

impl CacheHeaders {
    /// What to say of this value.
    #[must_use]
    pub fn of<V>(cached: &Cached<V>) -> Self {
        let tier = match cached.source() {
            Source::L1 => "l1",
            Source::Standby => "standby",
            _ => "l2",
        };
        let outcome = match cached.stale_for() {
            _ if !cached.is_hit() => Outcome::Miss,
            Some(time) => Outcome::Stale(tier, time),
            None => Outcome::Hit(tier),
        };
        Self { ttl: cached.ttl(), age: cached.age(), ..Self::with(outcome) }
    }

    /// What to say when there is no value: a miss.
    #[must_use]
    pub const fn miss() -> Self {
        Self::with(Outcome::Miss)
    }

    const fn with(outcome: Outcome) -> Self {
        Self { outcome, ttl: None, age: None, name: None, audience: None, shows_age: false }
    }

    /// Adds `Cache-Status` (RFC 9211), in which the cache goes by this name.
    ///
    /// What a cache behind this one has said stays in front of it.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Adds `Age`: whole seconds since the value was loaded, where that is known.
    #[must_use]
    pub const fn aged(mut self) -> Self {
        self.shows_age = true;
        self
    }

    /// Adds `Cache-Control`: any cache on the way may keep the response as long as the value is fresh.
    #[must_use]
    pub const fn public(mut self) -> Self {
        self.audience = Some(Audience::Public);
        self
    }

    /// Adds `Cache-Control`: the client alone may keep the response as long as the value is fresh.
    #[must_use]
    pub const fn private(mut self) -> Self {
        self.audience = Some(Audience::Private);
        self
    }

    /// Writes them.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let outcome = match self.outcome {
            Outcome::Hit(_) => "HIT",
            Outcome::Stale(..) => "STALE",
            Outcome::Miss => "MISS",
        };
        headers.insert(X_CACHE, HeaderValue::from_static(outcome));
        if let Some(ttl) = self.ttl {
            headers.insert(X_CACHE_TTL, ttl.as_secs().into());
        }
        // What can't stand in a header is left out; only a strange name can't.
        if let Some(status) = self.status().and_then(|status| HeaderValue::try_from(status).ok()) {
            headers.append(CACHE_STATUS, status);
        }
        let age = self.age.filter(|_| self.shows_age);
        if let Some(age) = age {
            headers.insert(AGE, age.as_secs().into());
        }
        if let Some(control) = self.control(age).and_then(|control| HeaderValue::try_from(control).ok()) {
            headers.insert(CACHE_CONTROL, control);
        }
    }

    /// The member of `Cache-Status`.
    fn status(&self) -> Option<String> {
        let mut status = item(self.name?);
        match self.outcome {
            Outcome::Hit(_) | Outcome::Stale(..) => status.push_str("; hit"),
            Outcome::Miss => status.push_str("; fwd=miss"),
        }
        // Writing to a String cannot fail.
        let _written = match (self.outcome, self.ttl) {
            // How long ago it ended, in whole seconds begun.
            (Outcome::Stale(_, time), _) => write!(status, "; ttl=-{}", time.as_millis().div_ceil(1_000)),
            (_, Some(ttl)) => write!(status, "; ttl={}", ttl.as_secs()),
            (_, None) => Ok(()),
        };
        if let Outcome::Hit(tier) | Outcome::Stale(tier, _) = self.outcome {
            let _written = write!(status, "; detail={tier}");
        }
        Some(status)
    }

    /// The directives of `Cache-Control`.
    ///
    /// Whoever reads `Age` takes it off `max-age`, so where it is shown it is in there too.
    fn control(&self, age: Option<Duration>) -> Option<String> {
        let audience = match self.audience? {
            Audience::Public => "public",
            Audience::Private => "private",
        };
        let fresh_for = self.ttl.unwrap_or_default().as_secs();
        Some(match fresh_for {
            0 => format!("{audience}, no-cache"),
            _ => format!("{audience}, max-age={}", fresh_for + age.unwrap_or_default().as_secs()),
        })
    }
}

/// A name as a structured field has it (RFC 8941): a token where it is one, else a string.
fn item(name: &str) -> String {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*');
    let is_token =
        |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(character);
    if begins && name.chars().all(is_token) {
        return name.to_owned();
    }
    let mut quoted = String::from('"');
    for character in name.chars().filter(|character| matches!(character, ' '..='~')) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponseParts for CacheHeaders {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut response: axum::response::ResponseParts,
    ) -> Result<axum::response::ResponseParts, Self::Error> {
        self.apply(response.headers_mut());
        Ok(response)
    }
}

#[cfg(test)]
mod tests;
