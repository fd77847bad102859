//! What the layer adds to a request, in the process.

use std::{convert::Infallible, hint::black_box, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use redstart_connection::Store;
use redstart_http::{LimitBy, RateLimitLayer, TrustedProxies};
use redstart_ratelimit::{Limiter, Subject};
use tokio::runtime::Runtime;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use super::MEMORY;
use crate::{
    Result,
    contest::{Contest, Plan},
    judge::ADDED,
    load::{Caller, Load},
    report::Report,
};

/// Measures a service alone, with the check in its handler, and behind the layer.
pub(super) fn measure(plan: &Plan, report: &mut Report, runtime: &Runtime) -> Result {
    let (load, store) = ((runtime, Load::threads(1)), Store::memory());
    let limiter = Limiter::new(store.clone());
    let proxies: TrustedProxies = "10.0.0.0/8".parse()?;
    let layer = RateLimitLayer::new(&store).behind(proxies).limit(MEMORY, LimitBy::client_address());
    let without_fields = layer.clone().without_standard_fields();
    let service = service_fn(answer);

    let mut contest = Contest::new("limits, one request".to_owned());
    let alone = contest.enter("service", load, |_| Asked(service));
    let checked = contest.enter("check in the handler", load, |_| {
        let limiter = limiter.clone();
        Asked(service_fn(move |request| {
            let limiter = limiter.clone();
            async move {
                let decision = limiter.check(&MEMORY, black_box(Subject::from(42))).await;
                if decision.is_allowed() { answer(request).await } else { Ok(Response::default()) }
            }
        }))
    });
    let behind = contest.enter("behind the layer", load, |_| Asked(layer.layer(service)));
    let plain = contest.enter("the same, X- headers alone", load, |_| Asked(without_fields.layer(service)));
    let mut outcome = contest.run(plan)?;
    for entrant in [checked, behind, plain] {
        outcome.compare(entrant, alone, ADDED, None);
    }
    outcome.compare(behind, checked, ADDED, None);
    report.add(outcome);
    Ok(())
}

async fn answer(request: Request<Empty<Bytes>>) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    black_box(request);
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

struct Asked<S>(S);

impl<S, B> Caller for Asked<S>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    async fn call(&mut self) -> bool {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = http::Uri::from_static("/api/v1/search");
        request.extensions_mut().insert(SocketAddr::from(([203, 0, 113, 7], 4711)));
        let answered = self.0.clone().oneshot(request).await;
        answered.is_ok_and(|response| black_box(response).status() == http::StatusCode::OK)
    }
}
