//! Moves bytes between the two sides of a connection, or doesn't.

use std::{future, io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};

use super::{Fault, fault::Weather};

#[derive(Clone, Copy, Eq, PartialEq)]
enum Direction {
    Requests,
    Replies,
}

/// Carries one connection until a side ends it or the weather resets it.
pub(super) async fn exchange(
    mut client: TcpStream,
    mut server: TcpStream,
    number: u64,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        ended = flow(from_client, to_server, Direction::Requests, number, weather.clone()) => return ended,
        ended = flow(from_server, to_client, Direction::Replies, number, weather.clone()) => return ended,
        _ = weather.wait_for(|weather| weather.resets(number)) => {}
    }
    client.set_zero_linger()
}

/// Takes what a client says and answers nothing.
pub(super) async fn swallow(
    mut client: TcpStream,
    number: u64,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let gone = async { while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::select! {
        () = gone => return Ok(()),
        _ = weather.wait_for(|weather| weather.resets(number)) => {}
    }
    client.set_zero_linger()
}

async fn flow(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    number: u64,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut lost = false;
    loop {
        let now = *weather.borrow_and_update();
        if now.stalls(number) {
            // Such connections pile up, and tests measure memory.
            drop(buffer);
            return future::pending().await;
        }
        let piece = now.fault.piece(buffer.len());
        let read = tokio::select! {
            biased;
            _ = weather.changed() => continue,
            read = from.read(&mut buffer[..piece]) => read?,
        };
        lost |= match now.fault {
            Fault::BlackHole => true,
            Fault::LoseReplies => direction == Direction::Replies,
            _ => false,
        };
        match (now.fault, direction) {
            // The news that the server has gone is lost like everything else.
            _ if lost && read == 0 && direction == Direction::Replies => return future::pending().await,
            _ if read == 0 => return Ok(()),
            _ if lost => {}
            (Fault::CutReplies(after), Direction::Replies) => {
                return to.write_all(&buffer[..read.min(after)]).await;
            }
            _ => {
                let held = if direction == Direction::Replies { now.fault.hold() } else { Duration::ZERO };
                let wait = held + now.fault.passage(read);
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                to.write_all(&buffer[..read]).await?;
            }
        }
    }
}
