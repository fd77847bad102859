//! A listener whose connection or server goes away.

use redstart_connection::{Cmd, Heard, Store, Subscription};
use redstart_keys::{Category, Key};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually};

use crate::support::{GUARD, store, store_at};

fn channel() -> Key {
    Key::namespace(Category::Lock, "news", "to")
}

async fn attached(store: &Store) -> Subscription {
    let mut subscription = Subscription::open(store.clone(), channel());
    assert_eq!(subscription.next().await.unwrap(), Heard::Attached);
    subscription
}

/// Waits until the listener says that it hears again; errors before that are expected.
async fn attaches_again(subscription: &mut Subscription) {
    let again = async {
        let mut failures = 0;
        loop {
            match subscription.next().await {
                Ok(Heard::Attached) => return failures,
                Ok(Heard::Message(message)) => panic!("nobody said {message:?}"),
                Err(_) => failures += 1,
            }
        }
    };
    let failures = tokio::time::timeout(GUARD, again).await.expect("it attaches again");
    assert!(0 < failures, "the loss of the connection is told");
}

/// What is said from now on is heard.
async fn hears(server: &RedisServer, store: &Store, subscription: &mut Subscription) {
    let name = String::from_utf8(store.name_of(&channel())).unwrap();
    assert_eq!(server.raw().command(&["PUBLISH", &name, "hello"]).int(), 1, "one listens, and no ghost");
    let heard = tokio::time::timeout(GUARD, subscription.next()).await.expect("it is heard");
    assert_eq!(heard.unwrap(), Heard::Message("hello".into()));
}

#[tokio::test]
async fn listener_whose_connection_is_killed_attaches_again() {
    let server = RedisServer::start();
    let store = store(&server);
    let mut subscription = attached(&store).await;
    for _ in 0..3 {
        assert_eq!(server.raw().command(&["CLIENT", "KILL", "TYPE", "pubsub"]).int(), 1);
        attaches_again(&mut subscription).await;
        hears(&server, &store, &mut subscription).await;
    }
}

#[tokio::test]
async fn listener_outlives_a_restart_of_its_server() {
    let mut server = RedisServer::start();
    let store = store(&server);
    let mut subscription = attached(&store).await;
    server.restart();
    attaches_again(&mut subscription).await;
    hears(&server, &store, &mut subscription).await;
}

#[tokio::test]
async fn listener_behind_a_silent_connection_finds_out() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address());
    let mut subscription = attached(&store).await;
    // Half open: nothing arrives any more, and nobody says so.
    proxy.stall_existing();
    attaches_again(&mut subscription).await;
    proxy.reset_existing();
    attaches_again(&mut subscription).await;
    eventually(GUARD, async || server.raw().command(&["PUBSUB", "CHANNELS"]).array().len() == 1).await;
    hears(&server, &store, &mut subscription).await;
}

#[tokio::test]
async fn listener_says_while_the_server_is_away() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address());
    let mut subscription = attached(&store).await;
    proxy.set(Fault::Refuse);
    proxy.reset_existing();
    for _ in 0..3 {
        assert!(subscription.next().await.is_err());
    }
    // What is asked of the store meanwhile does not disturb the listener.
    drop(store.command(Cmd::new("PING")).await);
    proxy.set(Fault::None);
    attaches_again_after(&mut subscription).await;
    hears(&server, &store, &mut subscription).await;
}

async fn attaches_again_after(subscription: &mut Subscription) {
    let again = async { while !matches!(subscription.next().await, Ok(Heard::Attached)) {} };
    tokio::time::timeout(GUARD, again).await.expect("it attaches again");
}
