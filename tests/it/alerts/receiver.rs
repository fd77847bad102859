//! A receiver of webhooks: an HTTP server that keeps what it is sent.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::timeout};

use crate::support::GUARD;

/// A receiver; it ends when this is dropped.
pub(super) struct Receiver {
    address: String,
    received: mpsc::UnboundedReceiver<Delivery>,
    answers: Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>,
    _tasks: JoinSet<()>,
}

/// What it was sent.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}/hooks/T0/SECRET", listener.local_addr().unwrap());
        let (tell, received) = mpsc::unbounded_channel();
        let answers: Arc<Mutex<VecDeque<Response<Full<Bytes>>>>> = Arc::default();
        let (mut tasks, next) = (JoinSet::new(), Arc::clone(&answers));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, next) = (tell.clone(), Arc::clone(&next));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (tell, next) = (tell.clone(), Arc::clone(&next));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let body = serde_json::from_slice(&body).unwrap();
                        assert_eq!((parts.method.as_str(), parts.uri.path()), ("POST", "/hooks/T0/SECRET"));
                        drop(tell.send(Delivery { headers: parts.headers, body }));
                        let answer = next.lock().unwrap().pop_front();
                        Ok::<_, Infallible>(answer.unwrap_or_default())
                    }
                });
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        Self { address, received, answers, _tasks: tasks }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Answers the next request with this status, and those after it as before.
    pub(super) fn answer_next(&self, status: u16) {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        self.answers.lock().unwrap().push_back(answer);
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Delivery {
        timeout(GUARD, self.received.recv()).await.expect("a delivery").unwrap()
    }

    /// What has come and was not looked at.
    pub(super) fn rest(&mut self) -> Vec<Delivery> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }
}

impl Delivery {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}
