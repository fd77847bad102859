use std::time::Duration;

use super::*;
use crate::{Event, Outage};

struct Answer;

impl Operation for Answer {
    type Output = u8;
    const NAME: &'static str = "test.answer";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &u8) -> &'static str {
        "ok"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u8> {
        redis.send(Cmd::new("PING")).await.map(|_| 42)
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<u8> {
        Ok(42)
    }
}

/// A port of this machine where nobody listens.
fn closed_port() -> Config {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Config::from_url(&format!("redis://{}", port.expect("loopback has ports"))).expect("an address")
}

#[tokio::test]
async fn embedded_store_answers() {
    assert_eq!(Store::memory().run(&Answer).await.expect("nothing can fail"), 42);
}

#[tokio::test]
async fn commands_need_a_server() {
    let error = Store::memory().command(Cmd::new("PING")).await.expect_err("there is none");
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Unsupported, "store.command"));
}

#[tokio::test]
async fn nested_deadlines_take_the_smaller() {
    let store = Store::lazy(&closed_port()).expect("the address is right");
    assert_eq!(
        store.within(Duration::from_millis(50)).within(Duration::from_secs(1)).deadline(),
        Duration::from_millis(50)
    );
    assert_eq!(store.within(Duration::from_secs(9)).deadline(), Duration::from_millis(200));
}

#[tokio::test]
async fn absent_server_is_a_quick_and_certain_error() {
    let store = Store::lazy(&closed_port()).expect("the address is right");
    let mut events = store.events();
    let error = store.run(&Answer).await.expect_err("nobody listens");
    assert_eq!((error.kind(), error.certainty()), (ErrorKind::Unavailable, crate::Certainty::NotSent));
    assert!(matches!(events.next().await, Some(Event::ConnectFailed { .. })));
    assert!(store.status().last_error.is_some());
    assert!(store.shutdown(Duration::from_secs(5)).await.is_clean());
}

#[tokio::test]
async fn endless_time_is_no_panic() {
    let endless = closed_port().with_command_timeout(Duration::MAX);
    let error = Store::lazy(&endless).expect_err("no call may hang for ever");
    assert!(error.to_string().contains("REDIS_READ_TIMEOUT"), "{error}");
    let store = Store::lazy(&closed_port()).expect("the address is right").within(Duration::MAX);
    assert_eq!(store.run(&Answer).await.expect_err("nobody listens").kind(), ErrorKind::Unavailable);
    assert!(store.shutdown(Duration::MAX).await.is_clean());
}

#[tokio::test]
async fn eager_connection_says_why_it_failed() {
    let error = Store::connect(&closed_port()).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("cannot connect"), "{error}");
}

#[tokio::test]
async fn shut_down_store_refuses_calls() {
    let store = Store::memory();
    assert!(store.shutdown(Duration::from_secs(5)).await.is_clean());
    assert_eq!(store.run(&Answer).await.expect_err("it is over").kind(), ErrorKind::Shutdown);
}

#[test]
fn store_belongs_to_no_runtime() {
    let store = Store::lazy(&closed_port()).expect("the address is right");
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let error = runtime.block_on(store.run(&Answer)).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Store>();
    check::<Memory>();
}
