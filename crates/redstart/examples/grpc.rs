//! A gRPC service of tonic behind the rate limit layer: a refusal is a status of gRPC, not of HTTP.
//!
//! `cargo run --example grpc` serves health checks, asks four times where three are allowed, and ends.

use std::{
    error::Error,
    io::{Write as _, stdout},
    net::{Ipv4Addr, SocketAddr},
};

use redstart::{
    Policy, Store,
    http::{LimitBy, RateLimitLayer},
};
use tonic::transport::{
    Endpoint, Server,
    server::{TcpConnectInfo, TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceBuilder;

const CALLS: Policy = Policy::per_minute("calls", 3);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let incoming = TcpIncoming::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = incoming.local_addr()?;
    let limits = RateLimitLayer::new(&Store::memory()).limit(CALLS, LimitBy::client_address());
    // The layer takes the holder of the connection from an extension of this type.
    let holder = |mut request: http::Request<tonic::body::Body>| {
        let info = request.extensions().get::<TcpConnectInfo>();
        if let Some(peer) = info.and_then(TcpConnectInfo::remote_addr) {
            request.extensions_mut().insert(peer);
        }
        request
    };
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(ServiceBuilder::new().map_request(holder).layer(limits).into_inner())
        .add_service(health)
        .serve_with_incoming(incoming);
    tokio::select! {
        served = server => Ok(served?),
        called = call(address) => called,
    }
}

async fn call(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    let mut client = HealthClient::new(channel);
    for _ in 0..4 {
        match client.check(HealthCheckRequest::default()).await {
            Ok(answer) => {
                let left =
                    answer.metadata().get("x-ratelimit-remaining").ok_or("an answer without its limit")?;
                writeln!(stdout(), "answered, {} left", left.to_str()?)?;
            }
            Err(status) => {
                let wait = status.metadata().get("retry-after").ok_or("a refusal without a time")?;
                let (code, message) = (status.code(), status.message());
                writeln!(stdout(), "{code:?}: {message} (retry-after: {})", wait.to_str()?)?;
            }
        }
    }
    Ok(())
}
