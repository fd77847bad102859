//! The faults that the tests cause are the faults they mean.

use std::{io::ErrorKind, time::Duration};

use redstart_testkit::{Fault, Proxy, Raw, RedisServer, Reply, eventually, shared};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const GUARD: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(100);

#[test]
fn killed_server_refuses_connections_until_it_is_restarted() {
    let mut server = RedisServer::start();
    let address = server.address();
    server.kill();
    assert_eq!(Raw::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    server.restart();
    assert_eq!(Raw::connect(address).unwrap().command(&["PING"]), Reply::Text("PONG".into()));
}

#[tokio::test]
async fn frozen_server_is_silent_until_it_is_thawed() {
    let mut server = RedisServer::start();
    let mut client = TcpStream::connect(server.address()).await.unwrap();
    server.freeze();
    ping(&mut client).await;
    assert!(silent(&mut client).await);
    server.thaw();
    assert_eq!(answer(&mut client).await, "+PONG\r\n");
}

#[tokio::test]
async fn proxy_carries_what_it_gets() {
    let proxy = Proxy::start(shared().address()).await;
    let mut client = connect(&proxy).await;
    ping(&mut client).await;
    assert_eq!(answer(&mut client).await, "+PONG\r\n");
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));
    drop(client);
    eventually(GUARD, async || proxy.open() == 0).await;
}

#[tokio::test]
async fn black_hole_takes_and_never_gives_back() {
    let proxy = Proxy::start(shared().address()).await;
    let mut before = connect(&proxy).await;
    proxy.set(Fault::BlackHole);
    let mut within = connect(&proxy).await;
    for client in [&mut before, &mut within] {
        ping(client).await;
        assert!(silent(client).await);
    }

    proxy.set(Fault::None);

    ping(&mut before).await;
    assert!(silent(&mut before).await, "a stream that lost bytes must not go on");
    let mut after = connect(&proxy).await;
    ping(&mut after).await;
    assert_eq!(answer(&mut after).await, "+PONG\r\n");
}

#[tokio::test]
async fn stalled_connection_stays_open_and_silent_beside_a_new_one() {
    let proxy = Proxy::start(shared().address()).await;
    let mut old = connect(&proxy).await;
    ping(&mut old).await;
    answer(&mut old).await;

    proxy.stall_existing();

    ping(&mut old).await;
    assert!(silent(&mut old).await);
    let mut new = connect(&proxy).await;
    ping(&mut new).await;
    assert_eq!(answer(&mut new).await, "+PONG\r\n");
}

#[tokio::test]
async fn reset_reaches_present_and_new_connections() {
    let proxy = Proxy::start(shared().address()).await;
    let mut old = connect(&proxy).await;
    ping(&mut old).await;
    answer(&mut old).await;

    proxy.set(Fault::Reset);

    assert_eq!(end(&mut old).await, Err(ErrorKind::ConnectionReset));
    let mut new = connect(&proxy).await;
    assert_eq!(end(&mut new).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn lost_reply_belongs_to_a_request_that_was_carried_out() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let mut client = connect(&proxy).await;
    proxy.set(Fault::LoseReplies);
    client.write_all(b"INCR counter\r\n").await.unwrap();
    assert!(silent(&mut client).await);
    assert_eq!(server.raw().command(&["GET", "counter"]).text(), "1");
}

#[tokio::test]
async fn cut_reply_ends_in_the_middle() {
    let proxy = Proxy::start(shared().address()).await;
    let mut client = connect(&proxy).await;
    proxy.set(Fault::CutReplies(3));
    ping(&mut client).await;
    assert_eq!(answer(&mut client).await, "+PO");
    assert!(matches!(end(&mut client).await, Ok(0)));
}

#[tokio::test]
async fn delayed_reply_comes_late_and_whole() {
    let proxy = Proxy::start(shared().address()).await;
    let mut client = connect(&proxy).await;
    proxy.set(Fault::Delay(4 * SILENCE));
    ping(&mut client).await;
    assert!(silent(&mut client).await);
    assert_eq!(answer(&mut client).await, "+PONG\r\n");
}

#[tokio::test]
async fn jitter_holds_replies_back_by_no_less_and_no_more_than_it_says() {
    let proxy = Proxy::start(shared().address()).await;
    let mut client = connect(&proxy).await;
    proxy.set(Fault::Jitter { least: 2 * SILENCE, most: 4 * SILENCE });
    ping(&mut client).await;
    assert!(silent(&mut client).await);
    assert_eq!(answer(&mut client).await, "+PONG\r\n");
}

#[tokio::test]
async fn narrow_line_takes_its_time_and_loses_nothing() {
    let proxy = Proxy::start(shared().address()).await;
    let mut client = connect(&proxy).await;
    proxy.set(Fault::Bandwidth(40));
    // 27 bytes go there and 27 come back, two at a time.
    client.write_all(b"ECHO 01234567890123456789\r\n").await.unwrap();
    assert!(silent(&mut client).await);
    proxy.set(Fault::None);
    ping(&mut client).await;
    let mut answers = [0; 34];
    timeout(GUARD, client.read_exact(&mut answers)).await.expect("an answer").unwrap();
    assert_eq!(&answers, b"$20\r\n01234567890123456789\r\n+PONG\r\n");
}

#[tokio::test]
async fn refused_connection_finds_the_same_port_when_the_fault_has_ended() {
    let proxy = Proxy::start(shared().address()).await;
    let mut present = connect(&proxy).await;
    proxy.set(Fault::Refuse);
    let refused = || TcpStream::connect(proxy.address());
    eventually(GUARD, async || {
        refused().await.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    })
    .await;
    ping(&mut present).await;
    assert_eq!(answer(&mut present).await, "+PONG\r\n");

    proxy.set(Fault::None);

    eventually(GUARD, async || TcpStream::connect(proxy.address()).await.is_ok()).await;
    let mut new = connect(&proxy).await;
    ping(&mut new).await;
    assert_eq!(answer(&mut new).await, "+PONG\r\n");
}

#[tokio::test]
async fn proxy_leads_new_connections_to_another_server() {
    let (old, new) = (RedisServer::start(), RedisServer::start());
    new.raw().command(&["SET", "key", "new"]);
    let proxy = Proxy::start(old.address()).await;
    let mut present = connect(&proxy).await;
    ping(&mut present).await;
    answer(&mut present).await;

    proxy.lead_to(new.address());

    for (mut client, expected) in [(present, "$-1\r\n"), (connect(&proxy).await, "$3\r\nnew\r\n")] {
        client.write_all(b"GET key\r\n").await.unwrap();
        assert_eq!(answer(&mut client).await, expected);
    }
}

/// Connects and waits until the proxy has looked at the connection.
async fn connect(proxy: &Proxy) -> TcpStream {
    let before = proxy.accepted();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    eventually(GUARD, async || proxy.accepted() > before).await;
    client
}

async fn ping(client: &mut TcpStream) {
    client.write_all(b"PING\r\n").await.unwrap();
}

async fn answer(client: &mut TcpStream) -> String {
    let mut buffer = [0; 64];
    let read = timeout(GUARD, client.read(&mut buffer)).await.expect("an answer").unwrap();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

async fn silent(client: &mut TcpStream) -> bool {
    timeout(SILENCE, client.read_u8()).await.is_err()
}

async fn end(client: &mut TcpStream) -> Result<usize, ErrorKind> {
    timeout(GUARD, client.read(&mut [0])).await.expect("an end").map_err(|error| error.kind())
}
