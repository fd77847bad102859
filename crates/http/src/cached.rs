//! What a response says of the cache that it came from.

use http::{HeaderMap, HeaderName, HeaderValue};
use redstart_cache::Cached;

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_CACHE_TTL: HeaderName = HeaderName::from_static("x-cache-ttl");

/// `X-Cache` (`HIT` or `MISS`) and `X-Cache-TTL` (whole seconds that the value stays fresh).
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
/// let users = Cache::<u64, String>::new(&Store::memory(), &USER);
/// users.set(&42, &"Ada".to_owned()).await?;
/// if let Some(user) = users.get(&42).await? {
///     let mut headers = HeaderMap::new();
///     CacheHeaders::of(&user).apply(&mut headers);
///     assert_eq!(headers["x-cache"], "HIT");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CacheHeaders {
    outcome: &'static str,
    ttl: Option<u64>,
}

impl CacheHeaders {
    /// What to say of this value.
    #[must_use]
    pub fn of<V>(cached: &Cached<V>) -> Self {
        let outcome = if cached.is_hit() { "HIT" } else { "MISS" };
        Self { outcome, ttl: cached.ttl().map(|ttl| ttl.as_secs()) }
    }

    /// What to say when there is no value: a miss.
    #[must_use]
    pub const fn miss() -> Self {
        Self { outcome: "MISS", ttl: None }
    }

    /// Writes them.
    pub fn apply(&self, headers: &mut HeaderMap) {
        headers.insert(X_CACHE, HeaderValue::from_static(self.outcome));
        if let Some(ttl) = self.ttl {
            headers.insert(X_CACHE_TTL, ttl.into());
        }
    }
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
