//! Requests to a service behind HTTP.

use std::{collections::BTreeMap, time::Duration};

use redstart_monitor::{HttpFailure, HttpRequest, HttpTarget};

use super::{Answer, Work};
use crate::{
    Exit, Failure,
    load::{
        choice::{Choice, Sizes},
        mix::Request,
    },
};

/// What a service answers is read to its end and forgotten; more than this is not read.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// By these names a service says that it answered from a cache.
const CACHE_HEADERS: [&str; 2] = ["x-cache", "cf-cache-status"];

/// Requests to a service, over connections that are kept.
#[derive(Debug)]
pub struct HttpWork {
    target: HttpTarget,
    requests: Vec<Request>,
    deadline: Duration,
    text: String,
}

impl HttpWork {
    /// Requests to this address, each of which may take so long.
    #[must_use]
    pub fn new(target: HttpTarget, requests: &[Request], sizes: Sizes, deadline: Duration) -> Self {
        let mut random = fastrand::Rng::with_seed(1);
        Self {
            target,
            requests: requests.to_vec(),
            deadline,
            text: (0..sizes.most).map(|_| random.alphanumeric()).collect(),
        }
    }
}

impl HttpWork {
    /// Makes sure that somebody is there: a load on nobody tells nothing.
    pub(crate) async fn greet(&self) -> Result<(), Failure> {
        let request =
            HttpRequest { method: "GET".to_owned(), path: "/".to_owned(), ..HttpRequest::default() };
        match self.target.send(request, self.deadline, LONGEST_ANSWER).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(Failure::new(Exit::Unreachable, format!("--target: {failure}"))
                .with_remedy("start the service, or name the address that it listens on")),
        }
    }
}

impl Work for HttpWork {
    fn steps(&self) -> Vec<String> {
        self.requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    fn weights(&self) -> Vec<f64> {
        self.requests.iter().map(|request| request.weight).collect()
    }

    async fn call(&self, Choice { step, key, size }: Choice) -> Answer {
        let Request { method, path, body, headers, .. } = &self.requests[step];
        // Databases count from one.
        let id = (key + 1).to_string();
        let filled = |text: &str| {
            text.replace("{id}", &id).replace("{value}", &self.text[..size.min(self.text.len())])
        };
        let headers: BTreeMap<String, String> =
            headers.iter().map(|(name, value)| (name.clone(), filled(value))).collect();
        let request = HttpRequest { method: method.clone(), path: filled(path), headers, body: filled(body) };
        match self.target.send(request, self.deadline, LONGEST_ANSWER).await {
            Ok(reply) => match reply.status {
                429 => Answer::Limited,
                200..400 => cached(CACHE_HEADERS.iter().find_map(|name| reply.header(name))),
                status => Answer::Failed { class: class(status), text: format!("{method} {path}: {status}") },
            },
            Err(failure) => {
                let class = match failure {
                    HttpFailure::Timeout(_) => "timeout",
                    HttpFailure::Connect(_) => "unavailable",
                    _ => "connection",
                };
                Answer::Failed { class, text: format!("{method} {path}: {failure}") }
            }
        }
    }

    fn exhausted(&self) -> u64 {
        self.target.waits()
    }
}

fn cached(said: Option<&str>) -> Answer {
    match said {
        Some(said) if said.to_ascii_uppercase().starts_with("HIT") => Answer::Hit,
        Some(said) if said.to_ascii_uppercase().starts_with("STALE") => Answer::Hit,
        Some(said) if said.to_ascii_uppercase().starts_with("MISS") => Answer::Miss,
        _ => Answer::Done,
    }
}

const fn class(status: u16) -> &'static str {
    match status {
        500.. => "status 5xx",
        400.. => "status 4xx",
        _ => "status 1xx",
    }
}
