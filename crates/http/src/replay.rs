//! The layer that takes bearer tokens once.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body::Body;
use redstart_connection::{BoxFuture, Timestamp};
use redstart_state::{ReplayGuard, Use};
use tower_layer::Layer;
use tower_service::Service;

use crate::{ApiError, ResponseBody};

/// What identifies a token that was verified: its `iss`, `jti` and `exp`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "these three and no more tell one token from all others")]
pub struct ShownToken {
    /// Who issued it; with several clients of one issuer, the issuer and the client.
    pub issuer: String,
    /// Its id, unique among those of the issuer.
    pub jti: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Takes each bearer token once, and refuses it ever after.
///
/// It belongs behind whatever verifies the token (its signature, its audience, its time), which leaves what
/// it found in the extensions of the request: only verified tokens may use up anything. A request without
/// such is refused with 401, a token that was shown before with 401 and `TOKEN_REPLAYED`. While the store
/// does not answer nothing is let through: 503.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::{ReplayGuardLayer, ShownToken};
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use redstart_state::ReplayGuard;
///
/// /// What the service's own authentication leaves in the extensions.
/// #[derive(Clone)]
/// struct Claims { iss: String, jti: String, exp: u64 }
///
/// const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));
///
/// let guard = ReplayGuard::new(&Store::memory(), &JTI);
/// let layer = ReplayGuardLayer::new(guard, |parts| {
///     let Claims { iss, jti, exp } = parts.extensions.get::<Claims>()?.clone();
///     Some(ShownToken::until_secs(iss, jti, exp))
/// });
/// # drop(layer);
/// ```
#[derive(Clone, Debug)]
pub struct ReplayGuardLayer(Arc<Settings>);

struct Settings {
    guard: ReplayGuard,
    shown: Box<FindToken>,
}

type FindToken = dyn Fn(&Parts) -> Option<ShownToken> + Send + Sync;

impl ShownToken {
    /// A token whose `exp` is in seconds since 1970, as in a JWT.
    #[must_use]
    pub fn until_secs(issuer: impl Into<String>, jti: impl Into<String>, exp: u64) -> Self {
        let expires_at = Timestamp::from_micros(exp.saturating_mul(1_000_000));
        Self { issuer: issuer.into(), jti: jti.into(), expires_at }
    }
}

impl ReplayGuardLayer {
    /// A layer that asks `guard` about the token that `shown` finds in a request.
    #[must_use]
    pub fn new(
        guard: ReplayGuard,
        shown: impl Fn(&Parts) -> Option<ShownToken> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Settings { guard, shown: Box::new(shown) }))
    }
}

impl<S> Layer<S> for ReplayGuardLayer {
    type Service = ReplayGuarded<S>;

    fn layer(&self, inner: S) -> ReplayGuarded<S> {
        ReplayGuarded { inner, settings: Arc::clone(&self.0) }
    }
}

/// The service that [`ReplayGuardLayer`] makes.
#[derive(Clone, Debug)]
pub struct ReplayGuarded<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, ReqB, ResB> Service<Request<ReqB>> for ReplayGuarded<S>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone + Send + 'static,
    S::Future: Send,
    ReqB: Send + 'static,
    ResB: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        // The service that was polled ready is the one to call; the clone stays for the next request.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let settings = Arc::clone(&self.settings);
        let (parts, body) = request.into_parts();
        let shown = (settings.shown)(&parts);
        Box::pin(async move {
            if let Err(refusal) = settings.admit(shown).await {
                return Ok(refusal.into_http());
            }
            Ok(inner.call(Request::from_parts(parts, body)).await?.map(ResponseBody::Inner))
        })
    }
}

impl Settings {
    async fn admit(&self, shown: Option<ShownToken>) -> Result<(), ApiError> {
        let Some(ShownToken { issuer, jti, expires_at }) = shown.filter(|shown| !shown.jti.is_empty()) else {
            return Err(ApiError::unauthorized());
        };
        match self.guard.first_use(&issuer, &jti, expires_at).await? {
            Use::First => Ok(()),
            Use::Replayed => {
                tracing::warn!(%issuer, "a token was shown a second time");
                let message = "This token was used before, and is good for one request.";
                Err(ApiError::new(StatusCode::UNAUTHORIZED, "TOKEN_REPLAYED", message))
            }
            Use::Expired | Use::TooLong => Err(ApiError::unauthorized()),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.guard.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use http_body_util::{BodyExt as _, Full};
    use redstart_connection::Store;
    use redstart_keys::{Category, Entity, TextId, Ttl};
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(1));

    async fn send(layer: &ReplayGuardLayer, shown: Option<ShownToken>) -> (u16, String) {
        let service = service_fn(async |_: Request<()>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("let through")))
        });
        let mut request = Request::new(());
        request.extensions_mut().insert(shown);
        let response = layer.layer(service).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn token_is_let_through_once_and_no_token_never() {
        let store = Store::memory();
        let guard = ReplayGuard::new(&store, &JTI);
        let layer =
            ReplayGuardLayer::new(guard, |parts| parts.extensions.get::<Option<ShownToken>>()?.clone());
        let now = store.clock().now();
        let token = |jti: &str, seconds| {
            Some(ShownToken {
                issuer: "iss".into(),
                jti: jti.into(),
                expires_at: now.saturating_add(Duration::from_secs(seconds)),
            })
        };
        assert_eq!(send(&layer, token("1", 60)).await, (200, "let through".to_owned()));
        let (status, body) = send(&layer, token("1", 60)).await;
        assert!(status == 401 && body.contains("TOKEN_REPLAYED"), "{body}");
        for refused in [None, token("", 60), token("2", 3600 * 24)] {
            assert_eq!(send(&layer, refused).await.0, 401);
        }
    }
}
