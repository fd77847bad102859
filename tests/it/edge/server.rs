//! A server of hyper and nothing else, and a client that sends what it is told.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use redstart_http::ResponseBody;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::{Service, util::MapRequest};

/// A server; it ends when this is dropped.
pub(super) struct Server {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

/// Serves on a free port, and leaves the holder of each connection in the extensions of its requests.
pub(super) async fn serve<S>(service: S) -> Server
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody<Full<Bytes>>>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, peer)) = listener.accept().await {
            let named = move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            };
            let service = TowerToHyperService::new(MapRequest::new(service.clone(), named));
            // As patient as a server can be, so that what is sent reaches the layer.
            let mut builder = http1::Builder::new();
            builder.max_headers(10_000).max_buf_size(1 << 20);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move { drop(connection.await) });
        }
    });
    Server { address, _tasks: tasks }
}

impl Server {
    /// Asks for `target`, as it is, with `headers`, each with its end of line.
    pub(super) async fn get(&self, target: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}
