use std::{sync::Arc, time::Duration};

use redstart_connection::Store;
use tokio::{
    runtime::{self, Runtime},
    time::timeout,
};

use super::{Inbox, Listener, RECENT};
use crate::{
    Fence,
    operations::{Next, Token},
    tests::{away, until},
};

const OURS: &str = "0000000000000000000001";
const THEIRS: &str = "0000000000000000000002";

fn memory() -> Arc<Inbox> {
    Inbox::new(Store::memory(), OURS.to_owned())
}

fn token(instance: &str, attempt: u64) -> Token {
    Token::of_attempt(instance, attempt, "test")
}

fn next(instance: &str, attempt: u64) -> Next {
    Next { token: token(instance, attempt), fence: Some(Fence::new(attempt)) }
}

/// What a listener was told; none if nothing.
async fn told(listener: &Listener) -> Option<Option<Fence>> {
    timeout(Duration::ZERO, listener.woken()).await.ok()
}

fn runtime() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().expect("it starts")
}

#[tokio::test]
async fn waiter_of_another_handle_on_the_store_is_told() {
    let ours = memory();
    let theirs = Inbox::new(ours.store.clone(), THEIRS.to_owned());
    let listener = theirs.listen(&token(THEIRS, 7));
    ours.tell(&next(THEIRS, 8));
    assert_eq!(told(&listener).await, None, "that was for another");
    ours.tell(&next(THEIRS, 7));
    assert_eq!(told(&listener).await, Some(Some(Fence::new(7))));
}

#[tokio::test]
async fn wake_up_that_came_before_the_listening_counts_once_and_only_the_latest_are_kept() {
    let inbox = memory();
    let most = u64::try_from(RECENT).expect("it is small");
    (1..=most + 1).for_each(|attempt| inbox.wake(&next(OURS, attempt)));
    assert_eq!(told(&inbox.listen(&token(OURS, 1))).await, None, "it is the oldest, and was forgotten");
    let newest = token(OURS, most + 1);
    assert_eq!(told(&inbox.listen(&newest)).await, Some(Some(Fence::new(most + 1))));
    assert_eq!(told(&inbox.listen(&newest)).await, None);
}

#[tokio::test]
async fn listener_that_is_gone_is_forgotten() {
    let inbox = memory();
    drop(inbox.listen(&token(OURS, 1)));
    assert!(inbox.state().listeners.is_empty());
}

#[tokio::test]
async fn all_ask_again_once_the_subscription_stands() {
    let inbox = memory();
    let listeners = [1, 2].map(|attempt| inbox.listen(&token(OURS, attempt)));
    inbox.attach();
    for listener in &listeners {
        assert_eq!(told(listener).await, Some(None));
    }
}

#[tokio::test]
async fn lost_subscription_means_asking_again_and_again() {
    let inbox = Inbox::new(away(), OURS.to_owned());
    assert!(!inbox.is_attached());
    inbox.attach();
    assert!(inbox.is_attached());
    let _listener = inbox.listen(&token(OURS, 1));
    until(async || !inbox.is_attached()).await;
}

#[tokio::test]
async fn hearing_ends_where_nobody_waits_for_a_server_that_is_away_and_begins_anew() {
    let inbox = Inbox::new(away(), OURS.to_owned());
    for _ in 0..2 {
        let listener = inbox.listen(&token(OURS, 1));
        assert!(inbox.state().task.is_some());
        drop(listener);
        until(async || inbox.state().task.is_none()).await;
        assert_eq!(inbox.store.tasks().running(), 0);
    }
}

#[test]
fn who_comes_while_the_hearing_ends_does_not_rely_on_it() {
    let inbox = memory();
    inbox.state().task = Some(1);
    let listener = inbox.listen(&token(OURS, 1));
    assert!(!inbox.ends());
    drop(listener);
    assert!(inbox.ends());
    assert_eq!(inbox.state().task, None, "though it has not come to its end");
}

#[tokio::test]
async fn closing_ends_the_hearing_though_somebody_waits() {
    let inbox = Inbox::new(away(), OURS.to_owned());
    let _listener = inbox.listen(&token(OURS, 1));
    inbox.close();
    until(async || inbox.state().task.is_none()).await;
}

#[test]
fn hearing_begins_anew_where_its_runtime_has_ended() {
    let inbox = Inbox::new(away(), OURS.to_owned());
    let first = runtime();
    let _first = first.block_on(async { inbox.listen(&token(OURS, 1)) });
    assert_eq!(inbox.state().task, Some(1));
    drop(first);
    assert_eq!(inbox.state().task, None);
    let _second = runtime().block_on(async { inbox.listen(&token(OURS, 2)) });
    assert_eq!(inbox.state().tasks, 2);
}
