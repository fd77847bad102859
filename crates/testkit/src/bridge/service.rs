//! The HTTP side of the bridge.

use std::{
    io,
    net::TcpListener,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::task::{JoinSet, spawn_blocking};

use super::{RestFault, State, json};
use crate::Reply;

const SYNC_TOKEN: &str = "upstash-sync-token";

type Answer = Response<Full<Bytes>>;

pub(super) async fn serve(listener: TcpListener, state: &Arc<State>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes a socket");
    let mut connections = JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let state = Arc::clone(state);
        connections.spawn(async move {
            let service = service_fn(|request| serve_one(Arc::clone(&state), request));
            // An error is how a connection is cut.
            drop(http1::Builder::new().serve_connection(TokioIo::new(socket), service).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_one(state: Arc<State>, request: Request<Incoming>) -> Result<Answer, io::Error> {
    state.requests.fetch_add(1, Ordering::SeqCst);
    let fault = *state.fault.lock().unwrap_or_else(PoisonError::into_inner);
    let (parts, body) = request.into_parts();
    // Read in any case: an answer before the end of a request looks like a broken connection.
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    if !is_allowed(&state, &parts.headers) {
        return Ok(refuse(StatusCode::UNAUTHORIZED, "WRONGPASS invalid or missing auth token"));
    }
    if parts.method != Method::POST {
        return Ok(refuse(StatusCode::METHOD_NOT_ALLOWED, "ERR only POST is spoken here"));
    }
    match fault {
        RestFault::Quota => {
            let text = "ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.";
            return Ok(refuse(StatusCode::BAD_REQUEST, text));
        }
        RestFault::TooMany => return Ok(refuse(StatusCode::TOO_MANY_REQUESTS, "ERR too many requests")),
        RestFault::Failing => return Ok(answer(StatusCode::INTERNAL_SERVER_ERROR, "out of order".into())),
        RestFault::None | RestFault::Slow(_) | RestFault::Cut => {}
    }
    if parts.headers.get(SYNC_TOKEN).is_some_and(|token| !token.is_empty()) {
        state.in_sync.fetch_add(1, Ordering::SeqCst);
    }
    let in_base64 = parts.headers.get("upstash-encoding").is_some_and(|encoding| encoding == "base64");
    let path = parts.uri.path().to_owned();
    let working = Arc::clone(&state);
    let carried_out = spawn_blocking(move || carry_out(&working, &path, &body, in_base64)).await;
    let (status, told) = carried_out.map_err(io::Error::other)??;
    match fault {
        RestFault::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
        RestFault::Slow(delay) => tokio::time::sleep(delay).await,
        _ => {}
    }
    let mut answer = answer(status, told.to_string());
    let count = state.requests.load(Ordering::SeqCst);
    answer.headers_mut().insert(SYNC_TOKEN, count.into());
    Ok(answer)
}

fn is_allowed(state: &State, headers: &HeaderMap) -> bool {
    let token = state.token.lock().unwrap_or_else(PoisonError::into_inner);
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    given.and_then(|given| given.strip_prefix("Bearer ")).is_some_and(|given| given == *token)
}

/// Does what a request asks; blocks the thread.
fn carry_out(state: &State, path: &str, body: &[u8], in_base64: bool) -> io::Result<(StatusCode, Value)> {
    let senseless = || Ok((StatusCode::BAD_REQUEST, json::error("ERR failed to parse command")));
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return senseless() };
    match path {
        "/" => {
            let Some(command) = json::command(&body) else { return senseless() };
            let reply = state.run(&[command])?.pop().unwrap_or(Reply::Nil);
            Ok((status_of(&reply), json::answer(reply, in_base64)))
        }
        "/pipeline" => {
            let Some(commands) = json::commands(&body) else { return senseless() };
            let replies = state.run(&commands)?;
            Ok((StatusCode::OK, replies.into_iter().map(|reply| json::answer(reply, in_base64)).collect()))
        }
        "/multi-exec" => {
            let Some(commands) = json::commands(&body) else { return senseless() };
            state.count(commands.len());
            Ok(match state.backend.run_at_once(&commands)? {
                Reply::Array(replies) => {
                    let answers = replies.into_iter().map(|reply| json::answer(reply, in_base64));
                    (StatusCode::OK, answers.collect())
                }
                reply => (StatusCode::BAD_REQUEST, json::answer(reply, in_base64)),
            })
        }
        _ => Ok((StatusCode::NOT_FOUND, json::error("ERR there is nothing here"))),
    }
}

impl State {
    fn run(&self, commands: &[super::backend::Command]) -> io::Result<Vec<Reply>> {
        self.count(commands.len());
        self.backend.run(commands)
    }

    fn count(&self, commands: usize) {
        self.commands.fetch_add(u64::try_from(commands).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

const fn status_of(reply: &Reply) -> StatusCode {
    if matches!(reply, Reply::Error(_)) { StatusCode::BAD_REQUEST } else { StatusCode::OK }
}

fn refuse(status: StatusCode, text: &str) -> Answer {
    answer(status, json::error(text).to_string())
}

fn answer(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}
