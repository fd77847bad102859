//! A channel that is listened to.

use redstart_connection::{Cmd, Heard, Store, Subscription};
use redstart_keys::{Category, Key};
use redstart_testkit::{RedisServer, eventually};

use crate::support::{GUARD, config_for, store};

fn channel() -> Key {
    Key::namespace(Category::Lock, "news", "to")
}

async fn attached(store: &Store) -> Subscription {
    let mut subscription = Subscription::open(store.clone(), channel());
    assert_eq!(subscription.next().await.unwrap(), Heard::Attached);
    subscription
}

/// Sends a message; answers how many heard it.
async fn say(store: &Store, message: &str) -> i64 {
    let publish = Cmd::new("PUBLISH").key(&channel()).arg(message);
    store.command(publish).await.unwrap().into_int().unwrap()
}

async fn hears(subscription: &mut Subscription, message: &str) {
    let heard = tokio::time::timeout(GUARD, subscription.next()).await.expect("it is heard");
    assert_eq!(heard.unwrap(), Heard::Message(message.as_bytes().to_vec().into()));
}

#[tokio::test]
async fn messages_are_heard_in_order_and_once() {
    let store = store();
    let mut subscription = attached(&store).await;
    for message in ["a", "b", ""] {
        assert_eq!(say(&store, message).await, 1);
    }
    for message in ["a", "b", ""] {
        hears(&mut subscription, message).await;
    }
    say(&store, "last").await;
    hears(&mut subscription, "last").await;
}

#[tokio::test]
async fn message_is_not_lost_when_waiting_for_it_is_given_up() {
    let store = store();
    let mut subscription = attached(&store).await;
    for turn in 0..20 {
        let message = turn.to_string();
        // It waits before anything is said, and most often is dropped with the message on its way.
        let early = tokio::select! {
            biased;
            heard = subscription.next() => Some(heard),
            _ = say(&store, &message) => None,
        };
        match early {
            Some(heard) => assert_eq!(heard.unwrap(), Heard::Message(message.into())),
            None => hears(&mut subscription, &message).await,
        }
    }
}

#[tokio::test]
async fn all_who_listen_hear_and_prefixes_keep_apart() {
    let server = RedisServer::start();
    let ours = Store::lazy(&config_for(&server).with_prefix("ours").unwrap()).unwrap();
    let theirs = Store::lazy(&config_for(&server).with_prefix("theirs").unwrap()).unwrap();
    let (mut one, mut two) = (attached(&ours).await, attached(&ours).await);
    let mut other = attached(&theirs).await;
    assert_eq!(say(&ours, "hello").await, 2);
    hears(&mut one, "hello").await;
    hears(&mut two, "hello").await;
    say(&theirs, "first of theirs").await;
    hears(&mut other, "first of theirs").await;
}

#[tokio::test]
async fn subscription_that_is_dropped_leaves_nothing_on_the_server() {
    let server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let subscription = attached(&store).await;
    let mut raw = server.raw();
    let mut listening = || raw.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).text().lines().count();
    assert_eq!(listening(), 1);
    drop(subscription);
    eventually(GUARD, async || listening() == 0).await;
}

#[tokio::test]
async fn embedded_store_has_no_channels() {
    let mut subscription = Subscription::open(Store::memory(), channel());
    let error = subscription.next().await.unwrap_err();
    assert_eq!(error.kind(), redstart_connection::ErrorKind::Unsupported);
}
