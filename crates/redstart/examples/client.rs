//! The rate limit layer around a client: what a partner would refuse is not even sent.
//!
//! `cargo run --example client` calls a service of its own five times where it may three times, and ends.
//! With a server instead of the embedded store the limit holds for all processes that call the partner.

use std::{
    error::Error,
    io::{Write as _, stdout},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{Router, routing};
use http::{Request, Response, header::RETRY_AFTER};
use redstart::{
    Policy, Store, Subject,
    http::{LimitBy, RateLimitLayer, ResponseBody},
};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

/// What the contract with the partner says.
const PARTNER: Policy = Policy::per_hour("partner", 3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seen = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&seen);
    let quote = async move || format!("quote {}", count.fetch_add(1, Ordering::Relaxed) + 1);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/quotes", listener.local_addr()?);
    tokio::select! {
        served = axum::serve(listener, Router::new().route("/quotes", routing::get(quote))) => served?,
        called = call(&url) => called?,
    }
    writeln!(stdout(), "the partner saw {} calls", seen.load(Ordering::Relaxed))?;
    Ok(())
}

async fn call(url: &str) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::new();
    // reqwest has request and response types of its own, which those of `http` turn into.
    let send = service_fn(move |request: Request<reqwest::Body>| {
        let client = client.clone();
        async move { Ok::<_, reqwest::Error>(Response::from(client.execute(request.try_into()?).await?)) }
    });
    let by_host = LimitBy::custom(|request| request.uri.host().map(Subject::from));
    let limits = RateLimitLayer::new(&Store::memory()).limit(PARTNER, by_host);
    let partner = ServiceBuilder::new().layer(limits).service(send);
    for _ in 0..5 {
        let request = Request::get(url).body(reqwest::Body::default())?;
        let response = partner.clone().oneshot(request).await?;
        let (parts, body) = response.into_parts();
        match body {
            ResponseBody::Inner(body) => {
                let text = reqwest::Response::from(Response::from_parts(parts, body)).text().await?;
                writeln!(stdout(), "{text}")?;
            }
            // A 429 of the partner's own would have come as the body above.
            ResponseBody::Own(_) => {
                let wait = parts.headers.get(RETRY_AFTER).ok_or("a refusal without a time")?;
                writeln!(stdout(), "not sent: {}, retry-after: {}", parts.status, wait.to_str()?)?;
            }
        }
    }
    Ok(())
}
