use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use http_body_util::{BodyExt as _, Full};
use redstart_connection::{Clock, Timestamp};
use redstart_keys::Category;
use tokio::{sync::Notify, task::JoinSet};
use tower::{ServiceExt as _, service_fn, util::BoxCloneSyncService};

use super::*;

const REQUEST: Entity<TextId> = Entity::new(Category::Idempotency, "request").ttl(Ttl::hours(24));

/// A service that counts its calls, answers by them, and can be held back.
#[derive(Clone, Default)]
struct Shop {
    calls: Arc<AtomicUsize>,
    gate: Option<Arc<Notify>>,
    status: StatusCode,
    size: usize,
}

type Sent = Answer<Full<Bytes>>;

impl Shop {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn behind(
        &self,
        layer: &IdempotencyLayer,
    ) -> BoxCloneSyncService<Request<Full<Bytes>>, Sent, Infallible> {
        let shop = self.clone();
        let service = service_fn(move |request: Request<ReadBody<Full<Bytes>>>| {
            let shop = shop.clone();
            async move {
                let call = shop.calls.fetch_add(1, Ordering::SeqCst) + 1;
                if let Some(gate) = &shop.gate {
                    gate.notified().await;
                }
                let sent = request.into_body().collect().await.unwrap().to_bytes();
                let mut body = format!("call {call}: ").into_bytes();
                body.extend_from_slice(&sent);
                body.resize(body.len().max(shop.size), 0xff);
                let response = Response::builder().status(shop.status).header("x-call", call);
                Ok::<_, Infallible>(response.body(Full::from(body)).unwrap())
            }
        });
        BoxCloneSyncService::new(layer.layer(service))
    }
}

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::new(&Store::memory(), &REQUEST)
}

fn request(key: &str, body: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post("/payments?a=1").header("Idempotency-Key", key);
    request.body(Full::from(body)).unwrap()
}

async fn send(
    service: &BoxCloneSyncService<Request<Full<Bytes>>, Sent, Infallible>,
    request: Request<Full<Bytes>>,
) -> Response<Bytes> {
    let (parts, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// Sends a request in a task, which ends when it is dropped: the client goes away.
fn in_the_background(
    service: &BoxCloneSyncService<Request<Full<Bytes>>, Sent, Infallible>,
) -> JoinSet<Response<Bytes>> {
    let (service, mut task) = (service.clone(), JoinSet::new());
    task.spawn(async move { send(&service, request("k", "a")).await });
    task
}

fn code(response: &Response<Bytes>) -> String {
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn repeat_gets_the_same_bytes_and_the_service_is_called_once() {
    let shop = Shop::default();
    let service = shop.behind(&layer());
    let first = send(&service, request("k", "12.50")).await;
    let again = send(&service, request("\"k\"", "12.50")).await;
    assert_eq!(first.body(), again.body());
    assert_eq!(
        (first.status(), first.headers().get("x-call")),
        (again.status(), again.headers().get("x-call"))
    );
    assert!(first.headers().get(REPLAYED).is_none());
    assert_eq!(again.headers()[REPLAYED], "true");
    assert_eq!(shop.calls(), 1);
}

#[tokio::test]
async fn another_body_path_or_method_under_the_same_key_is_refused() {
    let shop = Shop::default();
    let service = shop.behind(&layer());
    send(&service, request("k", "a")).await;
    let mut other_path = request("k", "a");
    *other_path.uri_mut() = "/payments?a=2".parse().unwrap();
    let mut other_method = request("k", "a");
    *other_method.method_mut() = Method::PATCH;
    for other in [request("k", "b"), other_path, other_method] {
        let answer = send(&service, other).await;
        assert_eq!(
            (answer.status(), code(&answer).as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED")
        );
    }
    assert_eq!(shop.calls(), 1);
}

#[tokio::test]
async fn key_is_needed_where_it_is_required_and_must_be_one() {
    let shop = Shop::default();
    let without = || Request::post("/").body(Full::from("a")).unwrap();
    let service = shop.behind(&layer());
    assert_eq!(send(&service, without()).await.status(), StatusCode::OK);
    let service = shop.behind(&layer().required());
    let missing = send(&service, without()).await;
    assert_eq!(
        (missing.status(), code(&missing).as_str()),
        (StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING")
    );
    let wrong = send(&service, request("\"open", "a")).await;
    assert_eq!((wrong.status(), code(&wrong).as_str()), (StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID"));
    let read = Request::get("/").body(Full::default()).unwrap();
    assert_eq!(send(&service, read).await.status(), StatusCode::OK);
    assert_eq!(shop.calls(), 2);
}

#[tokio::test]
async fn repeat_of_what_is_under_way_is_told_when_to_come_again() {
    let gate = Arc::new(Notify::new());
    let shop = Shop { gate: Some(Arc::clone(&gate)), ..Shop::default() };
    let service = shop.behind(&layer());
    let mut first = in_the_background(&service);
    while shop.calls() == 0 {
        tokio::task::yield_now().await;
    }
    let repeat = send(&service, request("k", "a")).await;
    assert_eq!((repeat.status(), code(&repeat).as_str()), (StatusCode::CONFLICT, "REQUEST_IN_PROGRESS"));
    assert_eq!(repeat.headers()["retry-after"], "1");
    gate.notify_one();
    let first = first.join_next().await.unwrap().unwrap();
    assert_eq!(send(&service, request("k", "a")).await.body(), first.body());
    assert_eq!(shop.calls(), 1);
}

#[tokio::test]
async fn client_that_goes_away_stops_nothing() {
    let gate = Arc::new(Notify::new());
    let shop = Shop { gate: Some(Arc::clone(&gate)), ..Shop::default() };
    let service = shop.behind(&layer());
    let gone = in_the_background(&service);
    while shop.calls() == 0 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    gate.notify_one();
    let mut repeat = send(&service, request("k", "a")).await;
    while repeat.status() == StatusCode::CONFLICT {
        tokio::task::yield_now().await;
        repeat = send(&service, request("k", "a")).await;
    }
    assert_eq!((&repeat.body()[..], shop.calls()), (&b"call 1: a"[..], 1));
}

#[tokio::test]
async fn failure_is_carried_out_anew_unless_it_is_to_be_kept() {
    for (status, kept) in
        [(500, false), (503, false), (429, false), (401, false), (400, true), (404, true), (201, true)]
    {
        let shop = Shop { status: StatusCode::from_u16(status).unwrap(), ..Shop::default() };
        let service = shop.behind(&layer());
        for _ in 0..2 {
            assert_eq!(send(&service, request("k", "a")).await.status().as_u16(), status);
        }
        assert_eq!(shop.calls() == 1, kept, "{status}");
    }
    let shop = Shop { status: StatusCode::INTERNAL_SERVER_ERROR, ..Shop::default() };
    let service = shop.behind(&layer().storing(|_| true));
    for _ in 0..2 {
        send(&service, request("k", "a")).await;
    }
    assert_eq!(shop.calls(), 1);
}

#[tokio::test]
async fn answer_above_the_cap_is_given_whole_and_not_twice() {
    let shop = Shop { size: 1_000, ..Shop::default() };
    let service = shop.behind(&layer().keeping(999));
    let first = send(&service, request("k", "a")).await;
    assert_eq!(first.body().len(), 1_000);
    let again = send(&service, request("k", "a")).await;
    assert_eq!((again.status(), code(&again).as_str()), (StatusCode::CONFLICT, "ANSWER_NOT_KEPT"));
    assert_eq!(shop.calls(), 1);
    let service = Shop { size: 1_000, ..Shop::default() }.behind(&layer().keeping(1_000));
    send(&service, request("k", "a")).await;
    assert_eq!(send(&service, request("k", "a")).await.body().len(), 1_000);
}

#[tokio::test]
async fn body_above_the_bound_is_refused_before_it_is_read() {
    let shop = Shop::default();
    let service = shop.behind(&layer().reading(3));
    assert_eq!(send(&service, request("k", "four")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(&service, request("k", "thr")).await.status(), StatusCode::OK);
    assert_eq!(shop.calls(), 1);
}

#[tokio::test]
async fn scopes_do_not_see_each_others_answers() {
    let shop = Shop::default();
    let scope = |parts: &Parts| format!("{:?}", parts.headers.get("x-user"));
    let service = shop.behind(&layer().scoped_by(scope));
    for user in ["1", "2", "1"] {
        let mut sent = request("k", "a");
        sent.headers_mut().insert("x-user", HeaderValue::from_str(user).unwrap());
        let answer = send(&service, sent).await;
        assert_eq!(&answer.body()[..], format!("call {user}: a").as_bytes());
    }
    assert_eq!(shop.calls(), 2);
}

#[tokio::test]
async fn request_whose_lease_is_lost_is_dropped_and_carried_out_anew() {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    let gate = Arc::new(Notify::new());
    let shop = Shop { gate: Some(Arc::clone(&gate)), ..Shop::default() };
    let service = shop.behind(&IdempotencyLayer::new(&Store::memory_with(clock.clone()), &REQUEST));
    let mut first = in_the_background(&service);
    while shop.calls() == 0 {
        tokio::task::yield_now().await;
    }
    // As a pause of the whole process does.
    clock.advance(Duration::from_secs(31));
    assert_eq!(first.join_next().await.unwrap().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    gate.notify_one();
    assert_eq!(&send(&service, request("k", "a")).await.body()[..], b"call 2: a");
}
