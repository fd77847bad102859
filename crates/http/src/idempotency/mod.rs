//! The idempotency layer.

mod answer;
mod key;

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, request::Parts};
use http_body::Body;
use redstart_connection::{BoxFuture, Store};
use redstart_keys::{Entity, TextId, Ttl};
use redstart_state::{Begun, Digest, Fingerprint, Idempotency, Run};
use tokio::sync::oneshot;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument as _;

use crate::{
    ApiError, ResponseBody,
    read_body::{ReadBody, Reading, read_to},
};
use answer::KeptAnswer;

/// The field that marks an answer as one that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Carries out a request once, however often it is sent.
///
/// Requests with the same `Idempotency-Key` (a quoted or bare text of at most 255 printable ASCII
/// characters) and the same [scope](Self::scoped_by) are repeats of each other:
///
/// | the request | is answered |
/// | --- | --- |
/// | comes first | by the service, and the answer is kept, 24 hours by a usual declaration |
/// | is repeated | with the kept answer, byte by byte, and `Idempotent-Replayed: true` |
/// | is repeated while the first is under way | 409 with `Retry-After` |
/// | has another method, path, query or body under the same key | 422 |
/// | has no key where one is [required](Self::required), or one that is none | 400 |
/// | comes while the store does not answer | 503: nobody knows whether it is a repeat |
///
/// Only `POST` and `PATCH` are looked at; the other methods can be repeated as they are. The service goes
/// on when the client goes away, so that a repeat gets the answer; it is dropped when the lease of the
/// work is lost. Answers that stand for nothing done and may change (401, 403, 408, 425, 429, and all from
/// 500 up) are not kept: a repeat is carried out anew. Of an answer larger than the [cap](Self::keeping) only the head is kept, and a
/// repeat is told by 409 that it was carried out.
///
/// The layer belongs behind authentication and limits: a repeat then spends no quota on the work, and
/// nobody gets the answer of another.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_http::IdempotencyLayer;
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use tower::{ServiceBuilder, ServiceExt as _, service_fn};
///
/// const REQUEST: Entity<TextId> = Entity::new(Category::Idempotency, "request").ttl(Ttl::hours(24));
///
/// # use std::convert::Infallible;
/// # use http_body_util::Full;
/// # use bytes::Bytes;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let once = IdempotencyLayer::new(&Store::memory(), &REQUEST).required();
/// let pay = service_fn(async |_| Ok::<_, Infallible>(http::Response::new(Full::from("paid"))));
/// let service = ServiceBuilder::new().layer(once).service(pay);
/// let request = || http::Request::post("/payments").header("Idempotency-Key", "order-7");
/// let send = || request().body(Full::<Bytes>::from("12.50"));
/// let first = service.clone().oneshot(send()?).await?;
/// assert!(!first.headers().contains_key("idempotent-replayed"));
/// let again = service.oneshot(send()?).await?;
/// assert_eq!(again.headers()["idempotent-replayed"], "true");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct IdempotencyLayer(Arc<Settings>);

#[derive(Clone, Debug)]
struct Settings {
    store: Store,
    work: Idempotency<TextId>,
    scope: Scope,
    stored: Stored,
    is_required: bool,
    largest_request: usize,
    largest_answer: usize,
}

#[derive(Clone)]
struct Scope(Arc<dyn Fn(&Parts) -> String + Send + Sync>);

#[derive(Clone)]
struct Stored(Arc<dyn Fn(StatusCode) -> bool + Send + Sync>);

impl IdempotencyLayer {
    /// A layer that keeps answers in `store` under the keys of `entity`, for as long as its TTL says.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<TextId>) -> Self {
        Self(Arc::new(Settings {
            store: store.clone(),
            work: Idempotency::new(store, entity),
            scope: Scope(Arc::new(|_| String::new())),
            stored: Stored(Arc::new(is_final)),
            is_required: false,
            largest_request: 1024 * 1024,
            largest_answer: 64 * 1024,
        }))
    }

    /// Keeps the requests of these scopes apart, such as those of each user. Defaults to one for all.
    ///
    /// Without it, who guesses another's key gets that one's answer.
    #[must_use]
    pub fn scoped_by(self, scope: impl Fn(&Parts) -> String + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.scope = Scope(Arc::new(scope)))
    }

    /// Refuses requests without a key. Defaults to letting them through as they are.
    #[must_use]
    pub fn required(self) -> Self {
        self.with(|settings| settings.is_required = true)
    }

    /// Keeps the answers of these statuses alone. Defaults to all below 500 but 401, 403, 408, 425 and
    /// 429.
    #[must_use]
    pub fn storing(self, stored: impl Fn(StatusCode) -> bool + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.stored = Stored(Arc::new(stored)))
    }

    /// How long a request stays taken after its process has died. Defaults to 30 seconds.
    #[must_use]
    pub fn with_lease(self, lease: Ttl) -> Self {
        self.with(|settings| settings.work = settings.work.clone().with_lease(lease))
    }

    /// Reads request bodies of at most so many bytes, and refuses larger ones with 413. Defaults to 1 MiB.
    #[must_use]
    pub fn reading(self, most: usize) -> Self {
        self.with(|settings| settings.largest_request = most)
    }

    /// Keeps answers with bodies of at most so many bytes. Defaults to 64 KiB.
    #[must_use]
    pub fn keeping(self, most: usize) -> Self {
        self.with(|settings| settings.largest_answer = most)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = IdempotentService<S>;

    fn layer(&self, inner: S) -> IdempotentService<S> {
        IdempotentService { inner, settings: Arc::clone(&self.0) }
    }
}

/// The service that [`IdempotencyLayer`] makes.
#[derive(Clone, Debug)]
pub struct IdempotentService<S> {
    inner: S,
    settings: Arc<Settings>,
}

type Answer<B> = Response<ResponseBody<ReadBody<B>>>;

impl<S, ReqB, ResB> Service<Request<ReqB>> for IdempotentService<S>
where
    S: Service<Request<ReadBody<ReqB>>, Response = Response<ResB>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    ReqB: Body<Data = Bytes> + Send + Unpin + 'static,
    ReqB::Error: Send,
    ResB: Body<Data = Bytes> + Send + Unpin + 'static,
    ResB::Error: Send,
{
    type Response = Answer<ResB>;
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
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let key = match settings.key(&parts) {
                Ok(Some(key)) => key,
                Ok(None) => {
                    let response = inner.call(Request::from_parts(parts, ReadBody::unread(body))).await?;
                    return Ok(passed(response));
                }
                Err(refusal) => return Ok(refusal.into_http()),
            };
            let body = match read_to(body, settings.largest_request).await {
                Ok(Reading::Whole(body)) => body,
                Ok(Reading::More(_)) => return Ok(settings.too_large().into_http()),
                Err(_) => return Ok(ApiError::bad_request("The body ended early.").into_http()),
            };
            let (id, fingerprint) = settings.identify(&parts, &key, &body);
            let run = match settings.work.begin(&id, &fingerprint).await {
                Ok(Begun::New(run)) => run,
                Ok(Begun::Done(answer)) => return Ok(replay(&answer)),
                Ok(Begun::Running { expires_in }) => return Ok(running(expires_in).into_http()),
                Ok(Begun::Mismatch) => return Ok(mismatch().into_http()),
                Err(error) => return Ok(ApiError::from(error).into_http()),
            };
            // In a task of its own: it is done for the repeats even when this client goes away.
            let (done, outcome) = oneshot::channel();
            let request = Request::from_parts(parts, ReadBody::whole(body));
            let (work, tasks) = (Arc::clone(&settings), settings.store.tasks().clone());
            let work = async move {
                // Nobody may be there any more to hear of it.
                let _heard = done.send(work.carry_out(run, inner, request).await);
            };
            tasks.spawn("idempotent request", work.in_current_span());
            outcome.await.unwrap_or_else(|_| Ok(ApiError::unavailable().into_http()))
        })
    }
}

impl Settings {
    /// The key of a request; none if the request is carried out as often as it comes.
    fn key(&self, parts: &Parts) -> Result<Option<Vec<u8>>, ApiError> {
        if !matches!(parts.method, Method::POST | Method::PATCH) {
            return Ok(None);
        }
        match key::read(&parts.headers) {
            Ok(None) if self.is_required => {
                let message = "This request needs an Idempotency-Key, so that it can be sent again safely.";
                Err(ApiError::new(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING", message))
            }
            Ok(key) => Ok(key),
            Err(key::InvalidKey) => {
                let message = "The Idempotency-Key must be one text of 1 to 255 printable characters.";
                Err(ApiError::new(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID", message))
            }
        }
    }

    /// Which request this is, and what it asks for.
    fn identify(&self, parts: &Parts, key: &[u8], body: &[u8]) -> (TextId, Fingerprint) {
        let scope = (self.scope.0)(parts);
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        (
            Digest::of(&[scope.as_bytes(), key]).id(),
            Fingerprint::of(&[parts.method.as_str().as_bytes(), target.as_bytes(), body]),
        )
    }

    async fn carry_out<S, ReqB, ResB>(
        &self,
        run: Run,
        mut inner: S,
        request: Request<ReadBody<ReqB>>,
    ) -> Result<Answer<ResB>, S::Error>
    where
        S: Service<Request<ReadBody<ReqB>>, Response = Response<ResB>>,
        ResB: Body<Data = Bytes> + Unpin,
    {
        let work = async {
            let (parts, body) = inner.call(request).await?.into_parts();
            Ok((parts, read_to(body, self.largest_answer).await))
        };
        let (parts, body) = match run.validity().while_valid(work).await {
            Ok(answer) => answer?,
            Err(cause) => {
                tracing::warn!(cause = cause.name(), "a request was dropped: its lease was lost");
                return Ok(ApiError::unavailable().into_http());
            }
        };
        let (kept, body) = match body {
            Ok(Reading::Whole(body)) => (Some(body.clone()), ReadBody::whole(body)),
            Ok(Reading::More(body)) => (None, body),
            // It was carried out, and what it would have answered is not known.
            Err(_) => return Ok(ApiError::internal().into_http()),
        };
        let settled = if (self.stored.0)(parts.status) {
            run.complete(KeptAnswer::new(&parts, kept).to_bytes()).await
        } else {
            run.abandon().await
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "what came of a request is not kept yet");
        }
        Ok(Response::from_parts(parts, ResponseBody::Inner(body)))
    }

    fn too_large(&self) -> ApiError {
        let message = format!("The body must not have more than {} bytes.", self.largest_request);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
    }
}

/// What stays true however often one asks.
fn is_final(status: StatusCode) -> bool {
    let may_change = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
    );
    !status.is_server_error() && !may_change
}

fn passed<B>(response: Response<B>) -> Answer<B> {
    response.map(|body| ResponseBody::Inner(ReadBody::unread(body)))
}

fn replay<B>(answer: &Bytes) -> Answer<B> {
    let Some(KeptAnswer { status, headers, body }) = KeptAnswer::read(answer) else {
        tracing::error!("a kept answer can't be read; another program uses the same keys");
        return ApiError::internal().into_http();
    };
    let Some(body) = body else {
        let message = "This request was carried out; its answer was too large to be kept.";
        return ApiError::new(StatusCode::CONFLICT, "ANSWER_NOT_KEPT", message).into_http();
    };
    let mut response = Response::new(ResponseBody::own(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Most requests take less than a second; who dies in the middle holds the lease longer.
fn running(expires_in: Duration) -> ApiError {
    let message = "This request is being carried out. Ask again for its answer.";
    ApiError::new(StatusCode::CONFLICT, "REQUEST_IN_PROGRESS", message)
        .with_retry_after(expires_in.min(Duration::from_secs(1)))
}

fn mismatch() -> ApiError {
    let message = "This Idempotency-Key was used for another request.";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message)
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scope")
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored")
    }
}

#[cfg(test)]
mod tests;
